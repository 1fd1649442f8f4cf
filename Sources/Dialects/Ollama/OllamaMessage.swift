import SimpleAICore

/// A message of a chat request.
struct OllamaMessage {
    /// In lower case; Ollama ignores case.
    let role: String
    let content: JSONSlice?
    let thinking: JSONSlice?
    let images: [OllamaImage]
    let toolCalls: [ToolCall]
    /// Of a message with the role `tool`: the name of the tool, or the id of the call. Home Assistant sends neither.
    let toolName: String?
    let toolCallID: String?

    /// A tool call of an earlier response.
    struct ToolCall {
        let id: String?
        let name: String
        /// An object; nil if there are no arguments.
        let arguments: JSONSlice?
    }

    private static let keys = [
        "role", "content", "thinking", "images", "tool_calls", "tool_name", "name", "tool_call_id",
    ]

    /// - Parameter field: the name of the value in errors, such as `messages[0]`.
    init(_ value: JSONSlice, field: String) throws(GatewayError) {
        guard value.isObject else { throw OllamaFields.refusal(of: field, "must be an object") }
        let fields = OllamaFields(value, known: Self.keys, path: field + ".")
        guard let role = try fields.string("role"), !role.isEmpty else {
            throw fields.refusal(of: "role", "must be \"system\", \"user\", \"assistant\" or \"tool\"")
        }
        self.role = role.lowercased()
        content = try fields.token("content")
        thinking = try fields.nonEmptyToken("thinking")
        images = try OllamaImage.list(fields)
        let name = try fields.string("name")
        toolName = try fields.string("tool_name") ?? name
        toolCallID = try fields.string("tool_call_id")
        var calls: [ToolCall] = []
        for (index, call) in try fields.list("tool_calls").enumerated() {
            calls.append(try ToolCall(call, field: "\(field).tool_calls[\(index)]"))
        }
        toolCalls = calls
    }

    /// Writes the message in the form of a chat completion request.
    func write(to writer: inout OllamaWriter, ids: inout OllamaToolCallIDs) {
        writer.beginObject()
        writer.key("role")
        writer.string(role)
        if role == "tool" {
            writer.key("tool_call_id")
            writer.string(ids.id(forResultOf: toolName, stated: toolCallID))
        }
        writer.key("content")
        Self.write(content: content, images: images, to: &writer)
        if let thinking {
            writer.key("reasoning_content")
            writer.raw(thinking.bytes)
        }
        if !toolCalls.isEmpty {
            writer.key("tool_calls")
            writer.beginArray()
            ids.beginMessage()
            for call in toolCalls { call.write(to: &writer, id: ids.id(for: call)) }
            writer.endArray()
        }
        writer.endObject()
    }

    /// Images come first, where Ollama inserts them into the prompt.
    static func write(content: JSONSlice?, images: [OllamaImage], to writer: inout OllamaWriter) {
        guard !images.isEmpty else {
            if let content { writer.raw(content.bytes) } else { writer.string("") }
            return
        }
        writer.beginArray()
        for image in images { image.write(to: &writer) }
        if let content, !content.isEmpty {
            writer.beginObject()
            writer.key("type")
            writer.string("text")
            writer.key("text")
            writer.raw(content.bytes)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension OllamaImage {
    /// The images of a message, or of a generate request.
    static func list(_ fields: OllamaFields) throws(GatewayError) -> [OllamaImage] {
        var images: [OllamaImage] = []
        for (index, image) in try fields.list("images").enumerated() {
            images.append(try OllamaImage(image, field: "\(fields.path)images[\(index)]"))
        }
        return images
    }
}

extension OllamaMessage.ToolCall {
    init(_ value: JSONSlice, field: String) throws(GatewayError) {
        let call = OllamaFields(value, known: ["id", "function"], path: field + ".")
        guard let function = try call.object("function") else {
            throw call.refusal(of: "function", "must be an object")
        }
        let fields = OllamaFields(function, known: ["name", "arguments"], path: "\(field).function.")
        guard let name = try fields.nonEmptyToken("name")?.string else {
            throw fields.refusal(of: "name", "must be the name of a function")
        }
        id = try call.nonEmptyToken("id")?.string
        self.name = name
        arguments = try fields.object("arguments")
    }

    /// In chat completions the arguments are JSON in a string.
    func write(to writer: inout OllamaWriter, id: String) {
        writer.beginObject()
        writer.key("id")
        writer.string(id)
        writer.key("type")
        writer.string("function")
        writer.key("function")
        writer.beginObject()
        writer.key("name")
        writer.string(name)
        writer.key("arguments")
        writer.string(arguments.map { String(decoding: $0.bytes, as: UTF8.self) } ?? "{}")
        writer.endObject()
        writer.endObject()
    }
}
