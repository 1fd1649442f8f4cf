import SimpleAICore

/// A call of a tool that a request offers, with arguments that fit its schema.
struct ToolCall: Sendable {
    let name: String
    let arguments: JSONText

    /// The arguments as JSON, in the pieces in which a stream sends them.
    var argumentPieces: [String] {
        let text = arguments.text
        let middle = text.index(text.startIndex, offsetBy: text.count / 2)
        return [String(text[..<middle]), String(text[middle...])]
    }
}

/// A tool in a request, in the form of Anthropic (`input_schema`), of chat completions and Ollama (`function`), or of
/// OpenAI's Responses (`parameters`).
struct OfferedTool: Decodable {
    private struct Function: Decodable {
        var name: String?
        var parameters: JSONValue?
    }

    /// Nil for tools that the provider runs itself, which an engine does not have.
    let name: String?
    private let schema: JSONValue?

    private enum CodingKeys: String, CodingKey {
        case name, function, parameters
        case inputSchema = "input_schema"
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let function = try? fields.decodeIfPresent(Function.self, forKey: .function)
        name = try function?.name ?? fields.decodeIfPresent(String.self, forKey: .name)
        schema =
            try function?.parameters ?? fields.decodeIfPresent(JSONValue.self, forKey: .inputSchema)
            ?? fields.decodeIfPresent(JSONValue.self, forKey: .parameters)
    }

    var call: ToolCall? { name.map { ToolCall(name: $0, arguments: Self.object(of: schema)) } }

    private static func object(of schema: JSONValue?) -> JSONText {
        let members = schema?.object ?? [:]
        let properties = members["properties"]?.object ?? [:]
        let required = members["required"]?.stringElements.map { $0.map { ExactString($0) } }
        let names = (required ?? Array(properties.keys)).sorted { $0.rawValue < $1.rawValue }
        return .object(names.map { ($0.rawValue, value(of: properties[$0])) })
    }

    private static func value(of schema: JSONValue?) -> JSONText {
        let members = schema?.object ?? [:]
        if let first = members["enum"]?.array?.first?.string { return .string(first) }
        return switch members["type"]?.string {
        case "object": object(of: schema)
        case "array": []
        case "integer", "number": 1
        case "boolean": true
        case "null": nil
        default: "simulated"
        }
    }
}

extension InferenceRequest {
    /// The tool that the response calls: the one that `tool_choice` demands, or, if the model may choose, one that the last
    /// message of the user names.
    var toolToCall: ToolCall? {
        let tools = (tools ?? []).filter { $0.name != nil }
        guard !tools.isEmpty else { return nil }
        let choice = toolChoice?.object
        switch toolChoice?.string ?? choice?["type"]?.string {
        case "none": return nil
        case "required", "any": return tools[0].call
        case "tool", "function":
            let name = choice?["name"]?.string ?? choice?["function"]?.object?["name"]?.string
            return tools.first { $0.name.map { ExactString($0) } == name.map { ExactString($0) } }?.call
        default:
            guard let last = messages?.last, last.role == "user", !last.hasToolResult else { return nil }
            let text = (last.content?.texts ?? []).joined(separator: " ")
            return tools.first { $0.name.map { text.contains($0) } ?? false }?.call
        }
    }
}
