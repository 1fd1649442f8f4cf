import SimpleAICore

/// Errors as Ollama states them: `{"error": "text"}`. The status and the request's id are in the response's head only.
enum OllamaErrors {
    /// The error as the last line of a stream.
    static func line(_ message: String) -> [UInt8] { body(message) + [0x0A] }

    /// The error as the body of a response.
    static func body(_ message: String) -> [UInt8] {
        // Clients treat an empty message as no error.
        Array("{\"error\":\(JSONString.encode(message.isEmpty ? "The request failed." : message))}".utf8)
    }
}

/// Lines that keep a stream alive while the caller waits for a machine or an engine.
enum OllamaKeepalive {
    /// A line without text, which every client accepts: the `ollama` package requires `message.role`, and no client
    /// accepts an empty line.
    /// - Parameters:
    ///   - model: the model id for the client.
    ///   - created: the current time (RFC 3339).
    static func keepalive(model: String, created: String, endpoint: OllamaEndpoint = .chat) -> [UInt8] {
        OllamaLines(endpoint: endpoint, model: model).piece(created: created)
    }
}
