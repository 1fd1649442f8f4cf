import HTTPTypes
import Hummingbird
import Logging
import SimpleAICore

/// Protects everything under `/admin`, including paths that do not exist: only administrators pass.
///
/// Every change by an administrator is logged. On success the handler logs it, because it knows what has changed;
/// failed and forbidden attempts are logged here.
struct AdministrationGuard: RouterMiddleware {
    typealias Context = ControlContext

    let control: ControlHandlers

    /// Like the router, ignores doubled slashes.
    static func covers(_ path: String) -> Bool {
        path.utf8.split(separator: UInt8(ascii: "/")).first.map { $0.elementsEqual("admin".utf8) } ?? false
    }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard Self.covers(request.uri.path) else { return try await next(request, context) }
        let caller = try await control.caller(of: request, context)
        do {
            try control.services.rules.access.policy.authorizeAdministration(by: caller)
            return try await next(request, context)
        } catch {
            if !Self.isSafe(request.method) || !caller.isAdmin { logRefusal(error, request, context, by: caller) }
            throw error
        }
    }

    /// RFC 9110 §9.2.1.
    private static func isSafe(_ method: HTTPRequest.Method) -> Bool {
        [.get, .head, .options].contains(method)
    }

    private func logRefusal(_ error: any Error, _ request: Request, _ context: Context, by caller: Caller) {
        let code =
            switch error {
            case let error as GatewayError: error.code
            case let error as HTTPError where error.status == .notFound: GatewayError.Code.notFound
            default: GatewayError.Code.internalError
            }
        var metadata = ControlHandlers.auditMetadata(
            "\(request.method.rawValue.prefix(16))", of: String(request.uri.path.prefix(200)), by: caller)
        metadata[LogKeys.code] = "\(code.rawValue)"
        if let cause = (error as? GatewayError)?.cause { metadata[LogKeys.cause] = "\(cause)" }
        if let client = control.client(of: request, context) { metadata[LogKeys.address] = "\(client)" }
        control.services.logger.notice("Admin request refused", metadata: metadata)
    }
}
