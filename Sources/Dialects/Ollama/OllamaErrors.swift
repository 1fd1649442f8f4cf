public import SimpleAICore

/// Errors as Ollama states them: `{"error": "text"}`, with the status of the response.
public enum OllamaErrors {
    /// - Parameters:
    ///   - status: stated by the response only; the body has no place for it.
    ///   - requestID: stated by the header `x-request-id` only.
    public static func body(of error: ErrorBody, status: Int, requestID: String) -> [UInt8] {
        document(error.message)
    }

    public static func body(of error: GatewayError, status: Int, requestID: String) -> [UInt8] {
        document(error.message)
    }

    /// The error as the last line of a stream.
    public static func event(of error: ErrorBody, status: Int, requestID: String) -> [UInt8] { line(error.message) }

    public static func event(of error: GatewayError, status: Int, requestID: String) -> [UInt8] { line(error.message) }

    static func line(_ message: String) -> [UInt8] { document(message) + [0x0A] }

    private static func document(_ message: String) -> [UInt8] {
        // Clients treat an empty message as no error.
        Array("{\"error\":\(JSONString.encode(message.isEmpty ? "The request failed." : message))}".utf8)
    }
}

/// Lines that keep a stream alive while the caller waits for a machine or an engine.
public enum OllamaKeepalive {
    /// A line without text, which every client accepts: the `ollama` package requires `message.role`, and no client
    /// accepts an empty line.
    /// - Parameters:
    ///   - model: the model id for the client.
    ///   - created: the current time (RFC 3339).
    public static func keepalive(model: String, created: String, endpoint: OllamaEndpoint = .chat) -> [UInt8] {
        OllamaLines(endpoint: endpoint, model: model, created: created).piece(created: created)
    }
}
