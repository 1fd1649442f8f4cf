import SimpleAICore

/// Checks of the types of request fields. A path is written as in Anthropic's errors: `messages.0.content.1.text`.
enum MessagesFieldChecks {
    static func error(_ path: String, _ expected: String) -> GatewayError {
        GatewayError(.invalidRequest, "The field \"\(path)\" must be \(expected).", param: path)
    }

    /// The value, or nil if it is absent or null.
    private static func value(
        _ value: JSONSlice?, _ path: String, _ expected: String, _ isValid: (JSONSlice) -> Bool
    ) throws(GatewayError) -> JSONSlice? {
        guard let value, !value.isNull else { return nil }
        guard isValid(value) else { throw error(path, expected) }
        return value
    }

    static func string(_ value: JSONSlice?, _ path: String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "a string") { $0.isString }
    }

    static func requiredString(_ value: JSONSlice?, _ path: String) throws(GatewayError) -> JSONSlice {
        guard let value, value.isString else { throw error(path, "a string") }
        return value
    }

    static func object(_ value: JSONSlice?, _ path: String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "an object") { $0.isObject }
    }

    static func array(_ value: JSONSlice?, _ path: String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "an array") { $0.isArray }
    }

    static func boolean(_ value: JSONSlice?, _ path: String) throws(GatewayError) -> JSONSlice? {
        try self.value(value, path, "a boolean") { $0.isBoolean }
    }

    static func number(_ value: JSONSlice?, _ path: String) throws(GatewayError) -> JSONSlice? {
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

    /// The blocks of a content that is an array; nil for a string.
    static func blocks(_ value: JSONSlice, _ path: String) throws(GatewayError) -> [MessagesContentBlock]? {
        if value.isString { return nil }
        guard value.isArray else { throw error(path, "a string or an array of content blocks") }
        var blocks: [MessagesContentBlock] = []
        for (index, element) in value.elements.enumerated() {
            blocks.append(try MessagesContentBlock(element, path: "\(path).\(index)"))
        }
        return blocks
    }
}

/// One content block of a request, with the members that a translation reads.
struct MessagesContentBlock {
    enum Kind { case text, image, thinking, toolUse, toolResult, other }

    let path: String
    let kind: Kind
    /// The name of the kind, as the client wrote it.
    let type: String
    private(set) var text: JSONSlice?
    private(set) var thinking: JSONSlice?
    private(set) var source: JSONSlice?
    private(set) var id: JSONSlice?
    private(set) var name: JSONSlice?
    private(set) var input: JSONSlice?
    private(set) var toolUseID: JSONSlice?
    private(set) var content: JSONSlice?
    private(set) var isError: JSONSlice?
    /// Names of the other members.
    private(set) var otherMembers: [String] = []

    init(_ json: JSONSlice, path: String) throws(GatewayError) {
        guard json.isObject else { throw MessagesFieldChecks.error(path, "an object") }
        self.path = path
        var type: JSONSlice?
        var (text, thinking, source, id): (JSONSlice?, JSONSlice?, JSONSlice?, JSONSlice?)
        var (name, input, toolUseID): (JSONSlice?, JSONSlice?, JSONSlice?)
        var (content, isError): (JSONSlice?, JSONSlice?)
        var others: [String] = []
        json.forEachMember { key, value in
            func isNamed(_ text: String) -> Bool { JSONSlice.isKey(key, text) }
            if isNamed("type") {
                type = value
            } else if isNamed("text") {
                text = value
            } else if isNamed("thinking") {
                thinking = value
            } else if isNamed("source") {
                source = value
            } else if isNamed("id") {
                id = value
            } else if isNamed("name") {
                name = value
            } else if isNamed("input") {
                input = value
            } else if isNamed("tool_use_id") {
                toolUseID = value
            } else if isNamed("content") {
                content = value
            } else if isNamed("is_error") {
                isError = value
            } else if !value.isNull {
                others.append(JSONString.decode(key))
            }
        }
        let stated = try MessagesFieldChecks.requiredString(type, "\(path).type")
        kind = Self.kinds.first { stated.isString($0.name) }?.kind ?? .other
        self.type = stated.string ?? ""
        (self.text, self.thinking, self.source, self.id) = (text, thinking, source, id)
        (self.name, self.input, self.toolUseID) = (name, input, toolUseID)
        (self.content, self.isError) = (content, isError)
        otherMembers = others
    }

    private static let kinds: [(name: String, kind: Kind)] = [
        ("text", .text), ("image", .image), ("thinking", .thinking), ("tool_use", .toolUse),
        ("tool_result", .toolResult),
    ]

    /// The content of the text of a `text` block.
    func requiredText() throws(GatewayError) -> ArraySlice<UInt8> {
        try MessagesFieldChecks.requiredString(text, "\(path).text").stringContent
    }
}
