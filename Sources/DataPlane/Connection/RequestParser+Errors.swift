import Dialects
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

    /// The form of the error, as far as the head states it.
    var dialect: Dialect { if case .credentials(let dialect) = self { dialect } else { .openAI } }

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
        .invalidAPIKey,
        "Conflicting credentials in Authorization and \(RequestCredentials.tokenFields.joined(separator: " or ")); send one.",
        param: "authorization", cause: "two header fields carry different credentials")
}

/// The response to a request that no plane receives, in the form that its client reads.
struct RequestRefusal {
    let status: Int
    /// With lower-case names.
    let fields: [(name: String, value: String)]
    let body: [UInt8]

    init(_ error: GatewayError, in dialect: Dialect) {
        let requestID = RequestID.id(stated: nil).rawValue
        let response = dialect.response(to: error, status: error.status(), requestID: requestID)
        (status, body) = (response.status, response.body)
        var fields = [
            ("content-type", "application/json"), ("content-length", String(response.body.count)),
            ("x-request-id", requestID),
        ]
        if let name = dialect.requestIDField { fields.append((name, requestID)) }
        fields += error.headers().map { ($0.name.lowercased(), $0.value) }
        self.fields = fields
    }

    /// The complete HTTP/1.1 response; the connection closes after it.
    var http1: ByteBuffer {
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status),
            headers: HTTPHeaders(fields + [("connection", "close")]))
        var bytes = ByteBuffer()
        ResponseWriter.write(head, into: &bytes)
        bytes.writeBytes(body)
        return bytes
    }
}
