import SimpleAICore

extension RequestReader.Violation {
    var gatewayError: GatewayError {
        switch self {
        case .tooLarge: GatewayError(.headersTooLarge, "The request's headers are too large.")
        case .repeated(let name): .repeatedField(name)
        case .credentials: .credentialsDiffer
        default: GatewayError(.invalidRequest, "This is no valid HTTP/1.1 request: \(fault).")
        }
    }

    /// Describes where to look, for the client's developer.
    private var fault: String {
        switch self {
        case .requestLine: "its request line is malformed, or the method unknown"
        case .field, .trailer, .host: "a header field is malformed, misplaced, or Host is not there exactly once"
        case .length: "Content-Length and Transfer-Encoding do not say in one way how long the body is"
        case .chunk: "a chunk of its body is malformed"
        case .incomplete: "it ends too early"
        case .tooLarge: "it is too large"
        case .repeated, .credentials: "header fields contradict each other"
        }
    }
}

extension GatewayError {
    /// - Parameter name: in lower case.
    static func repeatedField(_ name: String) -> GatewayError {
        GatewayError(.invalidRequest, "The header field \(name) occurs more than once; send it once.", param: name)
    }

    static let credentialsDiffer = GatewayError(
        .invalidRequest,
        "The request has different credentials in Authorization and \(StatedCredentials.tokenFields.joined(separator: " or ")); send one.",
        param: "authorization")
}
