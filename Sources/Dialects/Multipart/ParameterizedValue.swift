import SimpleAICore

/// A field value of the form `type; name=value; name="value"` (RFC 9110 §5.6.6), as `Content-Type` and
/// `Content-Disposition` have it.
///
/// Readers disagree about loose forms of it, so a value is read only if all of them agree: no tabs, no space around `=`,
/// no empty and no repeated parameter, and the rules of `quoted`.
struct ParameterizedValue {
    struct Parameter {
        /// In lower case.
        let name: [UInt8]
        let value: [UInt8]
    }

    /// The value is malformed, or readers disagree about it.
    struct Fault: Error {}

    private static let tab: UInt8 = 0x09

    /// In lower case.
    let type: [UInt8]
    private(set) var parameters: [Parameter] = []

    /// - Parameter bytes: the field value, without control characters.
    init(_ bytes: ArraySlice<UInt8>) throws(Fault) {
        guard !bytes.contains(Self.tab) else { throw Fault() }
        var rest = bytes.trimmingBlanks
        let type = rest.prefix { $0 != UInt8(ascii: ";") }.trimmingBlanks
        guard !type.isEmpty, type.allSatisfy({ Byte.isToken($0) || $0 == UInt8(ascii: "/") }) else { throw Fault() }
        self.type = type.lowercased
        rest = rest.dropFirst(type.count).drop(while: Byte.isBlank)
        while let separator = rest.popFirst() {
            guard separator == UInt8(ascii: ";") else { throw Fault() }
            rest = rest.drop(while: Byte.isBlank)
            let parameter = try Self.parameter(&rest)
            guard self[parameter.name] == nil else { throw Fault() }
            parameters.append(parameter)
            rest = rest.drop(while: Byte.isBlank)
        }
    }

    /// The value of a parameter.
    /// - Parameter name: in lower case.
    subscript(name: some Sequence<UInt8>) -> [UInt8]? {
        parameters.first { $0.name.elementsEqual(name) }?.value
    }

    private static func parameter(_ rest: inout ArraySlice<UInt8>) throws(Fault) -> Parameter {
        let name = rest.prefix(while: Byte.isToken)
        rest = rest.dropFirst(name.count)
        guard !name.isEmpty, rest.popFirst() == UInt8(ascii: "=") else { throw Fault() }
        guard rest.first == UInt8(ascii: "\"") else {
            let value = rest.prefix(while: Byte.isToken)
            guard !value.isEmpty else { throw Fault() }
            rest = rest.dropFirst(value.count)
            return Parameter(name: name.lowercased, value: Array(value))
        }
        return Parameter(name: name.lowercased, value: try quoted(&rest))
    }

    /// Reads a quoted string that every reader delimits equally:
    ///
    /// | text inside the quotes | why it may be refused |
    /// |---|---|
    /// | `\"` | browsers and many servers treat the backslash as a character, so the string ends there: accepted only if no further parameter follows, inside the string or after it |
    /// | `; name` | servers that split at semicolons without regard to quotes take it for another parameter (cpp-httplib before 2026-09) |
    private static func quoted(_ rest: inout ArraySlice<UInt8>) throws(Fault) -> [UInt8] {
        _ = rest.popFirst()
        var value: [UInt8] = []
        var hasEscapedQuote = false
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                guard !hasEscapedQuote || rest.isEmpty else { throw Fault() }
                return value
            case UInt8(ascii: "\\"):
                guard let next = rest.first else { throw Fault() }
                guard next == UInt8(ascii: "\"") || next == byte else {
                    value.append(byte)
                    continue
                }
                hasEscapedQuote = hasEscapedQuote || next == UInt8(ascii: "\"")
                value.append(next)
                rest = rest.dropFirst()
            case UInt8(ascii: ";"):
                let next = rest.drop(while: Byte.isBlank).prefix(4).lowercased
                guard !hasEscapedQuote, !next.elementsEqual("name".utf8) else { throw Fault() }
                value.append(byte)
            default: value.append(byte)
            }
        }
        throw Fault()
    }
}

extension ArraySlice<UInt8> {
    /// Without spaces and tabs at both ends.
    var trimmingBlanks: ArraySlice<UInt8> {
        var result = drop(while: Byte.isBlank)
        while let last = result.last, Byte.isBlank(last) { result.removeLast() }
        return result
    }
}

extension Sequence<UInt8> {
    /// With ASCII letters in lower case.
    var lowercased: [UInt8] {
        map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }
}
