import SimpleAICore

/// One content block of a request, with the members that a translation reads.
struct MessagesContentBlock {
    enum Kind { case text, image, document, searchResult, thinking, toolUse, toolResult, other }

    let path: FieldPath
    let kind: Kind
    private let statedType: JSONSlice
    private(set) var text: JSONSlice?
    private(set) var thinking: JSONSlice?
    private(set) var source: JSONSlice?
    private(set) var id: JSONSlice?
    private(set) var name: JSONSlice?
    private(set) var input: JSONSlice?
    private(set) var toolUseID: JSONSlice?
    private(set) var content: JSONSlice?
    private(set) var isError: JSONSlice?
    private(set) var title: JSONSlice?
    private(set) var context: JSONSlice?
    /// The keys of the other members, as tokens.
    private(set) var otherMembers: [ArraySlice<UInt8>] = []

    init(_ json: JSONSlice, path: FieldPath) throws(GatewayError) {
        guard json.isObject else { throw MessagesFieldChecks.error(path.description, "an object") }
        self.path = path
        var type: JSONSlice?
        var (text, thinking, source, id): (JSONSlice?, JSONSlice?, JSONSlice?, JSONSlice?)
        var (name, input, toolUseID): (JSONSlice?, JSONSlice?, JSONSlice?)
        var (content, isError, title, context): (JSONSlice?, JSONSlice?, JSONSlice?, JSONSlice?)
        var others: [ArraySlice<UInt8>] = []
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
            } else if isNamed("title") {
                title = value
            } else if isNamed("context") {
                context = value
            } else if !value.isNull {
                others.append(key)
            }
        }
        let stated = try MessagesFieldChecks.requiredString(type, "\(path).type")
        kind = Self.kinds.first { stated.isString($0.name) }?.kind ?? .other
        statedType = stated
        (self.text, self.thinking, self.source, self.id) = (text, thinking, source, id)
        (self.name, self.input, self.toolUseID) = (name, input, toolUseID)
        (self.content, self.isError, self.title, self.context) = (content, isError, title, context)
        otherMembers = others
    }

    private static let kinds: [(name: String, kind: Kind)] = [
        ("text", .text), ("image", .image), ("thinking", .thinking), ("tool_use", .toolUse),
        ("tool_result", .toolResult), ("document", .document), ("search_result", .searchResult),
    ]

    /// The name of the kind, as the client wrote it.
    var type: String { statedType.string ?? "" }

    /// The content of the text of a `text` block.
    func requiredText() throws(GatewayError) -> ArraySlice<UInt8> {
        try MessagesFieldChecks.requiredString(text, "\(path).text").stringContent
    }
}
