import Foundation
import Testing

@testable import LocalFleet

/// Scripts of engines that serve some APIs, and respond to all other paths with 404.
enum DialectEngine {
    static let notFound = ScriptedEngine.document("{\"detail\":\"Not Found\"}", status: "404 Not Found")

    /// - Parameter paths: the paths that the engine serves.
    static func serving(_ paths: [String], _ script: @escaping ScriptedEngine.Script) -> ScriptedEngine.Script {
        { request, wire in
            guard paths.contains(request.path) else { return try await wire.send(notFound) }
            try await script(request, wire)
        }
    }

    /// Serves chat completions only.
    static let chatOnly = serving(["/v1/chat/completions"], ScriptedEngine.wellBehaved)

    static let messageEvents = [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"engine\",\"content\":[],\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ]

    static let message =
        "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"engine\",\"content\":[{\"type\":\"text\","
        + "\"text\":\"hello\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}"

    /// Serves `/v1/messages` itself.
    static let messages = serving(["/v1/messages", "/v1/messages/count_tokens"]) { request, wire in
        guard request.path == "/v1/messages" else {
            return try await wire.send(ScriptedEngine.document("{\"input_tokens\":11}"))
        }
        guard request.body.contains("\"stream\":true") else {
            return try await wire.send(ScriptedEngine.document(message))
        }
        try await wire.send(ScriptedEngine.streamHead)
        for event in messageEvents { try await wire.send(ScriptedEngine.chunk(event)) }
        try await wire.send(ScriptedEngine.lastChunk)
    }

    static let lineHead =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"

    static let chatLines = [
        "{\"model\":\"engine\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"done\":false}\n",
        "{\"model\":\"engine\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":7,\"eval_count\":3}\n",
    ]

    /// Serves Ollama's API itself.
    static let ollama = serving(["/api/chat", "/api/embed"]) { request, wire in
        guard request.path == "/api/chat" else {
            return try await wire.send(
                ScriptedEngine.document("{\"model\":\"engine\",\"embeddings\":[[0.5]],\"prompt_eval_count\":2}"))
        }
        guard !request.body.contains("\"stream\":false") else {
            return try await wire.send(ScriptedEngine.document(String(chatLines[1].dropLast())))
        }
        try await wire.send(lineHead)
        for line in chatLines { try await wire.send(ScriptedEngine.chunk(line)) }
        try await wire.send(ScriptedEngine.lastChunk)
    }

    static func messagesRequest(stream: Bool = false, model: String = "m") -> String {
        "{\"model\":\"\(model)\",\"max_tokens\":64,\(stream ? "\"stream\":true," : "")"
            + "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
    }

    static func ollamaRequest(_ more: String = "") -> String {
        "{\"model\":\"m\",\(more)\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
    }
}

extension ScriptedEngine {
    var paths: [String] { counts.value.requests.map(\.path) }
}

extension Response {
    /// The values of the `event` fields of a stream.
    var eventNames: [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { String($0.dropFirst("event: ".count)) }
    }

    /// The objects of a stream of lines.
    func lines() throws -> [[String: Any]] {
        try text.split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }
}
