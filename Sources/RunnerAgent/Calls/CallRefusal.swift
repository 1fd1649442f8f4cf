import NIOHTTP1
import SimpleAICore

/// A refusal to forward a request to an engine, in the error format that the gateway (and any SDK) understands.
struct CallRefusal: Error, Hashable {
    let status: HTTPResponseStatus
    let code: GatewayError.Code
    let message: String
    var param: String?
    /// The value of `Allow`: the methods of the path, for a 405.
    var allowed: String?
    /// The accepted content codings, for a 415 (RFC 7694).
    var acceptedCodings: String?

    /// The header fields of the refusal.
    var fields: [(name: String, value: String)] {
        [("Allow", allowed), ("Accept-Encoding", acceptedCodings)].compactMap { name, value in value.map { (name, $0) }
        }
    }

    var body: ErrorBody {
        let type =
            code == .invalidAPIKey
            ? "authentication_error" : status.code < 500 ? "invalid_request_error" : "server_error"
        return ErrorBody(message: message, type: type, param: param, code: code.rawValue)
    }

    static let noSecret = CallRefusal(
        status: .unauthorized, code: .invalidAPIKey,
        message: "Missing or invalid runner secret; this runner accepts its gateway only.")
    static let notFound = CallRefusal(status: .notFound, code: .notFound, message: "Path not found.")
    static func methodNotAllowed(_ allowed: String) -> CallRefusal {
        CallRefusal(
            status: .methodNotAllowed, code: .methodNotAllowed, message: "This path supports \(allowed) only.",
            allowed: allowed)
    }
    /// - Parameter name: in lower case.
    static func repeatedField(_ name: String) -> CallRefusal {
        CallRefusal(
            status: .badRequest, code: .invalidRequest,
            message: "Repeated header field \(name). Send it once.", param: name)
    }
    /// The gateway decodes request bodies before it forwards them.
    static let encoded = CallRefusal(
        status: .unsupportedMediaType, code: .unsupportedMediaType,
        message: "Unsupported Content-Encoding. Send the body unencoded.",
        param: "content-encoding", acceptedCodings: "identity")
    static let tooLarge = CallRefusal(
        status: .payloadTooLarge, code: .requestTooLarge,
        message: "The request body exceeds the \(CallServices.maxBody) that this runner accepts. Send a smaller one.")
    static let noMemory = CallRefusal(
        status: .serviceUnavailable, code: .queueFull,
        message: "This runner has no memory left for request bodies. Retry later.")
    static let noModel = CallRefusal(
        status: .badRequest, code: .invalidRequest, message: "The field \"model\" must be a string.", param: "model")

    static func invalid(_ error: JSONError) -> CallRefusal {
        error.isAboutKeys
            ? CallRefusal(
                status: .badRequest, code: .invalidRequest, message: "The request body is ambiguous: \(error).",
                param: error.ambiguousKey)
            : CallRefusal(
                status: .badRequest, code: .invalidJSON, message: "The request body is not valid JSON: \(error).")
    }

    /// A form that cannot be read, or a body that should be one.
    static func invalidForm(_ error: GatewayError) -> CallRefusal {
        CallRefusal(
            status: error.code == .unsupportedMediaType ? .unsupportedMediaType : .badRequest, code: error.code,
            message: error.message, param: error.param)
    }

    static func unknownModel(_ model: String) -> CallRefusal {
        CallRefusal(
            status: .notFound, code: .modelNotFound,
            message: "Unknown model \"\(model)\": no engine of this runner lists it.",
            param: "model")
    }

    static let noConnection = CallRefusal(
        status: .serviceUnavailable, code: .queueFull, message: "This runner has no connection left. Retry later.")
    /// No byte of the request reached the engine: the gateway may try another runner.
    static let engineUnreachable = CallRefusal(
        status: .serviceUnavailable, code: .noRunnerAvailable, message: "The engine is unreachable.")
    /// The engine may have worked on the request, which may be the reason: the gateway decides whether another engine receives
    /// it (`routing.failover.after_send`).
    static let engineConnectionLost = CallRefusal(
        status: .badGateway, code: .upstreamError, message: "The engine closed the connection without a response.")
}
