import Foundation

/// `/api/chat` of Ollama: one JSON object, or lines of JSON.
struct OllamaChatFormat: ResponseFormat {
    static let streamType = "application/x-ndjson"
    private let envelope: ResponseEnvelope

    init(_ envelope: ResponseEnvelope) {
        self.envelope = envelope
    }

    func document(_ simulatedResponse: SimulatedResponse) -> JSONText {
        let message = message(
            simulatedResponse.text, thinking: simulatedResponse.thinking.joined(), simulatedResponse.toolCall)
        return envelope.ollamaObject([("message", message)] + envelope.ollamaEnd(simulatedResponse))
    }

    func opening(_ simulatedResponse: SimulatedResponse) -> [StreamPart] { [] }

    func units(_ simulatedResponse: SimulatedResponse) -> [[StreamPart]] {
        var messages = simulatedResponse.thinking.map { message("", thinking: $0) }
        messages += simulatedResponse.tokens.map { message($0) }
        if let call = simulatedResponse.toolCall { messages.append(message("", call)) }
        return messages.map { [StreamPart(line: envelope.ollamaObject([("message", $0), ("done", false)]))] }
    }

    func closing(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        let end = [("message", message(""))] + envelope.ollamaEnd(simulatedResponse)
        return [StreamPart(line: envelope.ollamaObject(end))]
    }

    private func message(_ text: String, thinking: String = "", _ call: ToolCall? = nil) -> JSONText {
        var members: [(String, JSONText)] = [("role", "assistant"), ("content", .string(text))]
        if !thinking.isEmpty { members.append(("thinking", .string(thinking))) }
        if let call {
            members.append(
                ("tool_calls", [["function": ["name": .string(call.name), "arguments": call.arguments]]]))
        }
        return .object(members)
    }
}

/// `/api/generate` of Ollama.
struct OllamaGenerateFormat: ResponseFormat {
    static let streamType = OllamaChatFormat.streamType
    private let envelope: ResponseEnvelope

    init(_ envelope: ResponseEnvelope) {
        self.envelope = envelope
    }

    func document(_ simulatedResponse: SimulatedResponse) -> JSONText {
        piece(
            simulatedResponse.text, thinking: simulatedResponse.thinking.joined(), envelope.ollamaEnd(simulatedResponse)
        )
    }

    func opening(_ simulatedResponse: SimulatedResponse) -> [StreamPart] { [] }

    func units(_ simulatedResponse: SimulatedResponse) -> [[StreamPart]] {
        let thinking = simulatedResponse.thinking.map { piece("", thinking: $0, [("done", false)]) }
        let text = simulatedResponse.tokens.map { piece($0, [("done", false)]) }
        return (thinking + text).map { [StreamPart(line: $0)] }
    }

    func closing(_ simulatedResponse: SimulatedResponse) -> [StreamPart] {
        [StreamPart(line: piece("", envelope.ollamaEnd(simulatedResponse) + [("context", [1, 2, 3])]))]
    }

    private func piece(_ text: String, thinking: String = "", _ more: [(String, JSONText)]) -> JSONText {
        let thought: [(String, JSONText)] = thinking.isEmpty ? [] : [("thinking", .string(thinking))]
        return envelope.ollamaObject([("response", .string(text))] + thought + more)
    }
}

extension ResponseEnvelope {
    /// The members of every object of Ollama's API, and `members`.
    func ollamaObject(_ members: [(String, JSONText)]) -> JSONText {
        .object([("model", .string(model)), ("created_at", .string(OllamaTime.text(created)))] + members)
    }

    /// The members that end a response: durations in nanoseconds, as the pace of the engine determines them.
    func ollamaEnd(_ simulatedResponse: SimulatedResponse) -> [(String, JSONText)] {
        let start = nanoseconds(pace.timeToFirstToken)
        let generation = max(1, nanoseconds(pace.time(toToken: simulatedResponse.tokenCount)) - start)
        return [
            ("done", true), ("done_reason", simulatedResponse.isCutShort ? "length" : "stop"),
            ("total_duration", .integer(1 + start + generation)), ("load_duration", 1),
            ("prompt_eval_count", .integer(promptTokens)),
            ("prompt_eval_duration", .integer(start)), ("eval_count", .integer(simulatedResponse.tokenCount)),
            ("eval_duration", .integer(generation)),
        ]
    }

    private func nanoseconds(_ duration: Duration) -> Int { Int(duration / .nanoseconds(1)) }
}

/// Ollama's timestamps.
enum OllamaTime {
    /// - Parameter unix: Unix time, in seconds.
    static func text(_ unix: Int) -> String {
        Date(timeIntervalSince1970: Double(unix)).formatted(.iso8601)
    }
}
