import SimpleAICore

/// One JSON value in a token, a key set or a discovery document.
enum JSONValue: Hashable, Sendable {
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

    var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The number; nil if it is infinite, which is accepted only in members that are ignored.
    var number: Double? {
        if case .number(let value) = self, value.isFinite { value } else { nil }
    }

    var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    var object: [ExactString: JSONValue]? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The elements of an array that contains only strings; nil for everything else.
    var strings: [String]? {
        guard let array else { return nil }
        var strings: [String] = []
        for element in array {
            guard let string = element.string else { return nil }
            strings.append(string)
        }
        return strings
    }

    /// The strings among the elements of an array; nil for everything else.
    var stringElements: [String]? { array?.compactMap(\.string) }
}
