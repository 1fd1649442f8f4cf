import SimpleAICore

extension RequestReader.Violation {
    var gatewayError: GatewayError {
        self == .tooLarge
            ? GatewayError(.headersTooLarge, "The request's headers are too large.")
            : GatewayError(.invalidRequest, "This is no valid HTTP/1.1 request: \(fault).")
    }

    /// Where to look, for whoever wrote the client.
    private var fault: String {
        switch self {
        case .requestLine: "its request line is malformed, or the method unknown"
        case .field, .trailer, .host: "a header field is malformed, misplaced, or Host is not there exactly once"
        case .length: "Content-Length and Transfer-Encoding do not say in one way how long the body is"
        case .chunk: "a chunk of its body is malformed"
        case .incomplete: "it ends too early"
        case .tooLarge: "it is too large"
        }
    }
}
