import Dialects
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NetworkErrors
import Relay
import Settings
import SimpleAICore

/// Turns every failure of the control plane into an error object with a request id; unexpected errors become
/// `internal_error`, generic for the client and complete in the log.
struct ErrorResponseMiddleware: RouterMiddleware {
    typealias Context = ControlContext

    private static let requestID = HTTPField.Name("x-request-id")

    let services: ControlPlaneServices

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let id = RequestID.id(stated: Self.requestID.flatMap { request.headers[$0] })
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = self.response(to: error, request, context, id)
        }
        if let name = Self.requestID { response.headers[name] = id.rawValue }
        return response
    }

    static func notFound(_ path: String) -> String {
        let suggestion = RequestTarget(path).candidates.first { Routes.methods(of: $0) != nil }
        let api = "The API is under /v1, for example GET /v1/models and POST /v1/chat/completions."
        return "Unknown path \(path). " + (suggestion.map { "API paths begin with /v1: use \($0)." } ?? api)
    }

    private func response(to error: any Error, _ request: Request, _ context: Context, _ id: CallID) -> Response {
        var methods: [String] = []
        let gatewayError: GatewayError
        switch error {
        case let error as GatewayError: gatewayError = error
        case let error as HTTPError where error.status == .notFound:
            if let allowed = Routes.methods(of: request.uri.path), !allowed.contains(request.method.rawValue) {
                methods = allowed
                gatewayError = GatewayError(
                    .methodNotAllowed, "\(request.uri.path) supports \(allowed.joined(separator: ", ")) only.")
            } else {
                gatewayError = GatewayError(.notFound, Self.notFound(request.uri.path))
            }
        default:
            context.logger.error(
                "Unhandled error in the control plane",
                metadata: [LogKeys.requestID: "\(id)", LogKeys.cause: "\(NetworkErrorText.of(error))"])
            gatewayError = GatewayError(
                .internalError, "Internal error. The gateway log has details under request id \(id).")
        }
        if let cause = gatewayError.cause { log(gatewayError, cause, request, context, id) }
        var headers = HTTPFields()
        headers[.contentType] = "application/json"
        for (name, value) in gatewayError.headers(allowing: methods) {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        let dialect = Self.dialect(of: request)
        if let name = dialect.requestIDField.flatMap({ HTTPField.Name($0) }) { headers[name] = id.rawValue }
        let response = dialect.response(
            to: gatewayError,
            status: gatewayError.status(permissionDeniedStatus: services.rules.access.permissionDeniedStatus),
            requestID: id.rawValue)
        return Response(
            status: .init(code: response.status), headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: response.body)))
    }

    /// The dialect in which the client reads errors.
    private static func dialect(of request: Request) -> Dialect {
        Dialect(ofRequest: request.uri.path, hasAnthropicVersion: ControlHandlers.isForAnthropic(request))
    }

    /// Logs details that are not for callers, above all why a token was refused. The details of inference calls are in
    /// their access log lines.
    private func log(
        _ error: GatewayError, _ cause: String, _ request: Request, _ context: Context, _ id: CallID
    ) {
        var metadata: Logger.Metadata = [
            LogKeys.requestID: "\(id)", LogKeys.code: "\(error.code.rawValue)", LogKeys.cause: "\(cause)",
            LogKeys.path: "\(request.uri.path.prefix(200))",
        ]
        if let client = services.rules.access.proxies.client(of: IPAddress(context.peer), request.headers) {
            metadata[LogKeys.address] = "\(client)"
        }
        services.logger.info("Request refused", metadata: metadata)
    }
}
