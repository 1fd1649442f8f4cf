import SimpleAICore

extension RequestParser.Violation {
    var gatewayError: GatewayError {
        switch self {
        case .tooLarge: GatewayError(.headersTooLarge, "The request headers are too large.")
        case .repeated(let name): .repeatedField(name)
        case .credentials: .credentialsDiffer
        default: GatewayError(.invalidRequest, "Malformed HTTP/1.1 request: \(fault).")
        }
    }

    /// Describes where to look, for the client's developer.
    private var fault: String {
        switch self {
        case .requestLine: "invalid request line or unknown method"
        case .field, .trailer, .host: "invalid header field, or Host missing or repeated"
        case .length: "conflicting Content-Length or Transfer-Encoding"
        case .chunk: "invalid chunk in the body"
        case .incomplete: "it ends too early"
        case .tooLarge: "it is too large"
        case .repeated, .credentials: "contradictory header fields"
        }
    }
}

extension GatewayError {
    /// - Parameter name: in lower case.
    static func repeatedField(_ name: String) -> GatewayError {
        GatewayError(.invalidRequest, "Repeated header field \(name). Send it once.", param: name)
    }

    static let credentialsDiffer = GatewayError(
        .invalidRequest,
        "Conflicting credentials in Authorization and \(RequestCredentials.tokenFields.joined(separator: " or ")); send one.",
        param: "authorization")
}
