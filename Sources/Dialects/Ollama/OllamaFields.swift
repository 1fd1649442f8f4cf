import SimpleAICore

extension JSONSlice {
    /// Whether a list has no elements; the white space in it is of no account.
    var isEmptyList: Bool { bytes.dropFirst().first { $0 > 0x20 } == UInt8(ascii: "]") }
}

/// The known members of one JSON object of a request, read strictly: a value of an unexpected type is an error that names
/// the field. `null` counts as absent, as in Ollama; the last of two equal keys applies.
struct OllamaFields: Sendable {
    private let known: [String]
    private var values: [JSONSlice?]
    /// The names of the other members that have a value; at most `maxUnknown`, each of bounded length.
    private(set) var unknown: [String] = []
    /// The prefix of the names of the members in errors, such as `options.`.
    let path: String

    private static let maxUnknown = 32
    /// In bytes. Known keys are shorter, with escapes too.
    private static let maxKey = 256

    /// - Parameter object: a value of a checked document; anything but an object has no members.
    init(_ object: JSONSlice, known: [String], path: String = "") {
        var values: [JSONSlice?] = Array(repeating: nil, count: known.count)
        var unknown: [String] = []
        object.forEachMember { key, value in
            guard key.count <= Self.maxKey else { return }
            if let index = known.firstIndex(where: { JSONSlice.isKey(key, $0) }) {
                values[index] = value.isNull ? nil : value
            } else if unknown.count < Self.maxUnknown, !value.isNull {
                unknown.append(JSONString.visible(JSONString.decode(key)))
            }
        }
        (self.known, self.values, self.unknown, self.path) = (known, values, unknown, path)
    }

    subscript(key: String) -> JSONSlice? {
        known.firstIndex { $0.isExactly(key) }.flatMap { values[$0] }
    }

    /// The token of a string.
    func token(_ key: String) throws(GatewayError) -> JSONSlice? {
        guard let value = self[key] else { return nil }
        guard value.bytes.first == UInt8(ascii: "\"") else { throw refusal(of: key, "must be a string") }
        return value
    }

    /// The token of a string with content.
    func nonEmptyToken(_ key: String) throws(GatewayError) -> JSONSlice? {
        guard let value = try token(key), !value.isEmpty else { return nil }
        return value
    }

    func string(_ key: String) throws(GatewayError) -> String? { try token(key)?.string }

    func bool(_ key: String) throws(GatewayError) -> Bool? {
        guard let value = self[key] else { return nil }
        guard let bool = Self.bool(value) else { throw refusal(of: key, "must be true or false") }
        return bool
    }

    static func bool(_ value: JSONSlice) -> Bool? {
        switch value.bytes.first {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: nil
        }
    }

    /// A whole number; `5.0` is one.
    func integer(_ key: String) throws(GatewayError) -> Int? {
        guard let value = try number(key) else { return nil }
        if let integer = value.integer { return integer }
        guard let number = Double(String(decoding: value.bytes, as: UTF8.self)), let integer = Int(exactly: number)
        else { throw refusal(of: key, "must be a whole number") }
        return integer
    }

    /// The token of a number.
    func number(_ key: String) throws(GatewayError) -> JSONSlice? {
        guard let value = self[key] else { return nil }
        guard Self.isNumber(value) else { throw refusal(of: key, "must be a number") }
        return value
    }

    static func isNumber(_ value: JSONSlice) -> Bool {
        guard let first = value.bytes.first else { return false }
        return first == UInt8(ascii: "-") || first >= UInt8(ascii: "0") && first <= UInt8(ascii: "9")
    }

    func list(_ key: String) throws(GatewayError) -> [JSONSlice] {
        guard let value = self[key] else { return [] }
        guard value.isArray else { throw refusal(of: key, "must be a list") }
        return value.elements
    }

    /// A list of strings, as it is; nil if it is absent or empty.
    func strings(_ key: String) throws(GatewayError) -> JSONSlice? {
        let elements = try list(key)
        for (index, element) in elements.enumerated() where element.bytes.first != UInt8(ascii: "\"") {
            throw refusal(of: "\(key)[\(index)]", "must be a string")
        }
        return elements.isEmpty ? nil : self[key]
    }

    func object(_ key: String) throws(GatewayError) -> JSONSlice? {
        guard let value = self[key] else { return nil }
        guard value.isObject else { throw refusal(of: key, "must be an object") }
        return value
    }

    func refusal(of key: String, _ problem: String) -> GatewayError { Self.refusal(of: path + key, problem) }

    static func refusal(of field: String, _ problem: String) -> GatewayError {
        GatewayError(.invalidRequest, "The field \"\(field)\" \(problem).", param: field)
    }
}
