import NIOCore
import NIOHTTP1
import Relay
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

extension GatewayError {
    /// The complete HTTP/1.1 response to a request that no plane receives; the connection closes after it.
    var refusal: ByteBuffer {
        let body = body.json
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status()),
            headers: [
                "Content-Type": "application/json", "Content-Length": String(body.utf8.count),
                "X-Request-Id": RequestID.id(stated: nil).rawValue, "Connection": "close",
            ])
        var bytes = ByteBuffer()
        ResponseWriter.write(head, into: &bytes)
        bytes.writeString(body)
        return bytes
    }
}
