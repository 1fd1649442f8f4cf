import SimpleAICore

/// Checks of the types of request fields. A path is written as in Anthropic's errors: `messages.0.content.1.text`.
enum MessagesFieldChecks {
    static func error(_ path: String, _ expected: String) -> GatewayError {
        GatewayError(.invalidRequest, "The field \"\(path)\" must be \(expected).", param: path)
    }

    /// The value, or nil if it is absent or null.
    private static func value(
        _ value: JSONSlice?, _ path: () -> String, _ expected: String, _ isValid: (JSONSlice) -> Bool
    ) throws(GatewayError) -> JSONSlice? {
        guard let value, !value.isNull else { return nil }
        guard isValid(value) else { throw error(path(), expected) }
        return value
    }

    static func string(_ value: JSONSlice?, _ path: @autoclosure () -> String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "a string") { $0.isString }
    }

    static func requiredString(
        _ value: JSONSlice?, _ path: @autoclosure () -> String
    ) throws(GatewayError) -> JSONSlice {
        guard let value, value.isString else { throw error(path(), "a string") }
        return value
    }

    static func object(_ value: JSONSlice?, _ path: @autoclosure () -> String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "an object") { $0.isObject }
    }

    static func array(_ value: JSONSlice?, _ path: @autoclosure () -> String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "an array") { $0.isArray }
    }

    static func boolean(_ value: JSONSlice?, _ path: @autoclosure () -> String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "a boolean") { $0.isBoolean }
    }

    static func number(_ value: JSONSlice?, _ path: @autoclosure () -> String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "a number") { $0.isNumber }
    }

    /// - Parameter minimum: the smallest valid integer.
    static func integer(_ value: JSONSlice?, _ path: String, minimum: Int) throws(GatewayError) -> Int? {
        guard let value, !value.isNull else { return nil }
        guard let number = value.integer, number >= minimum else {
            throw error(path, "an integer of at least \(minimum)")
        }
        return number
    }

    static func strings(_ value: JSONSlice?, _ path: String) throws(GatewayError) -> [JSONSlice] {
        guard let elements = try array(value, path)?.elements else { return [] }
        for (index, element) in elements.enumerated() where !element.isString {
            throw error("\(path).\(index)", "a string")
        }
        return elements
    }

    /// The blocks of a content that is an array, unchecked; nil for a string.
    /// - Parameter path: of the list, or of the message with the content.
    static func blocks(_ value: JSONSlice, _ path: FieldPath) throws(GatewayError) -> [JSONSlice]? {
        if value.isString { return nil }
        guard value.isArray else { throw error(path.list, "a string or an array of content blocks") }
        return value.elements
    }
}
