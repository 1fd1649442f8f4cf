import SimpleAICore

/// One JSON value as a token, a key set or a discovery document states it.
enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// Infinite where the text states more than a `Double` holds (`1e400`).
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([ExactString: JSONValue])
    /// An object that names a member twice, where the reader was told to go on. It has no contents, so nothing can
    /// be read from it by accident.
    case ambiguous

    var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// Always finite: a number that nobody can compute with is good enough to be ignored, and for nothing else.
    var number: Double? {
        if case .number(let value) = self, value.isFinite { value } else { nil }
    }

    var array: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    var object: [ExactString: JSONValue]? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The elements of an array that holds nothing but strings; nil for everything else.
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
