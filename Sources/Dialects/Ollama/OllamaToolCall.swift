import SimpleAICore

/// A complete tool call of an engine. Its arguments are a JSON object here, and JSON in a string in chat completions.
struct OllamaToolCall {
    let id: String?
    let name: String
    /// The arguments as the engine wrote them.
    let arguments: [UInt8]

    /// The arguments as one JSON object; nil if they are anything else.
    private var object: ArraySlice<UInt8>? { ToolArguments.object(arguments[...]) }

    /// Whether a client can execute the call: it has a name, and its arguments are complete.
    private var isComplete: Bool { !name.isEmpty && object != nil }

    /// Whether it states nothing.
    private var isEmpty: Bool { name.isEmpty && arguments.allSatisfy { $0 <= 0x20 } }

    /// An incomplete call as text. Ollama, too, sends what it cannot read as a call as text, so that no client executes
    /// it and none loses it.
    private var text: String {
        let arguments = arguments.isEmpty ? "{}" : String(decoding: arguments, as: UTF8.self)
        return "{\"name\": \(JSONString.encode(name)), \"arguments\": \(arguments)}"
    }

    /// The calls of a completion that is not streamed.
    static func all(in completion: OllamaCompletion) -> [OllamaToolCall] {
        let calls = (completion.toolCalls?.elements ?? []).filter(\.isObject).map {
            OllamaToolCall(id: $0["id"], function: ToolCallNames.function(of: $0))
        }
        return calls + (completion.functionCall.map { [OllamaToolCall(id: nil, function: $0)] } ?? [])
    }

    private init(id: JSONSlice?, function: JSONSlice) {
        let arguments = function["arguments"].flatMap { $0.isNull ? nil : $0 }
        self.init(
            id: id?.string, name: function["name"]?.string ?? "",
            arguments: arguments.map { Array(ToolArguments.text($0)) } ?? [])
    }

    init(id: String?, name: String, arguments: [UInt8]) {
        self.id = id.flatMap { $0.isEmpty ? nil : $0 }
        self.name = name
        self.arguments = arguments
    }

    /// The calls that a client can execute, and the text of the others.
    static func sorted(_ calls: [OllamaToolCall]) -> (calls: [OllamaToolCall], text: String?) {
        let incomplete = calls.filter { !$0.isComplete && !$0.isEmpty }
        return (
            calls.filter(\.isComplete), incomplete.isEmpty ? nil : incomplete.map(\.text).joined(separator: "\n")
        )
    }

    /// Writes the member `tool_calls`; nothing if there are none.
    static func write(_ calls: [OllamaToolCall], to writer: inout OllamaWriter) {
        guard !calls.isEmpty else { return }
        writer.key("tool_calls")
        writer.beginArray()
        for (index, call) in calls.enumerated() {
            guard let object = call.object else { continue }
            writer.beginObject()
            if let id = call.id {
                writer.key("id")
                writer.string(id)
            }
            writer.key("function")
            writer.beginObject()
            writer.key("index")
            writer.integer(index)
            writer.key("name")
            writer.string(call.name)
            writer.key("arguments")
            writer.raw(object)
            writer.endObject()
            writer.endObject()
        }
        writer.endArray()
    }
}
