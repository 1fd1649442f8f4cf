/// A decoded JSON value: in a token, a key set, a discovery document, or in a field that is only passed on.
///
/// Documents of callers and engines are not decoded: `JSONScanner` and `JSONSlice` find their members in place.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// Infinite if the number exceeds the range of `Double` (`1e400`).
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([ExactString: JSONValue])
    /// An object with a duplicate member, if the parser was configured to continue. It has no contents, so none can be read
    /// by accident.
    case ambiguous

    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The number; nil if it is infinite, which is accepted only in members that are ignored.
    public var number: Double? {
        if case .number(let value) = self, value.isFinite { value } else { nil }
    }

    public var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    public var object: [ExactString: JSONValue]? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The elements of an array that contains only strings; nil for everything else.
    public var strings: [String]? {
        guard let array else { return nil }
        var strings: [String] = []
        for element in array {
            guard let string = element.string else { return nil }
            strings.append(string)
        }
        return strings
    }

    /// The strings among the elements of an array; nil for everything else.
    public var stringElements: [String]? { array?.compactMap(\.string) }
}

extension JSONValue: Codable {
    private struct MemberName: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let array = try? value.decode([JSONValue].self) {
            self = .array(array)
        } else {
            let members = try decoder.container(keyedBy: MemberName.self)
            var object: [ExactString: JSONValue] = [:]
            for name in members.allKeys {
                object[ExactString(name.stringValue)] = try members.decode(JSONValue.self, forKey: name)
            }
            self = .object(object)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        if case .object(let object) = self {
            var members = encoder.container(keyedBy: MemberName.self)
            for (name, value) in object { try members.encode(value, forKey: MemberName(name.rawValue)) }
            return
        }
        var value = encoder.singleValueContainer()
        switch self {
        case .null, .ambiguous, .object: try value.encodeNil()
        case .bool(let bool): try value.encode(bool)
        case .number(let number): try value.encode(number)
        case .string(let string): try value.encode(string)
        case .array(let array): try value.encode(array)
        }
    }
}
