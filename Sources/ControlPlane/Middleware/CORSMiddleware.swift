import HTTPTypes
import Hummingbird
import SimpleAICore

/// Adds CORS fields to control-plane responses, and handles preflight requests for both planes: browsers send them
/// without credentials, so they must not reach authentication.
struct CORSMiddleware: RouterMiddleware {
    typealias Context = ControlContext

    private static let requestedMethod = HTTPField.Name("access-control-request-method")
    private static let requestedHeaders = HTTPField.Name("access-control-request-headers")

    let services: ControlPlaneServices

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let origins = services.rules.access.origins
        guard !origins.isEmpty, AllowedOrigins.covers(request.uri.path) else { return try await next(request, context) }
        if let preflight = preflight(request, origins) { return preflight }
        var response = try await next(request, context)
        Self.add(origins.fields(for: request.headers[.origin]), to: &response.headers)
        return response
    }

    private func preflight(_ request: Request, _ origins: AllowedOrigins) -> Response? {
        guard request.method == .options, let origin = request.headers[.origin], origins.allows(origin),
            Self.requestedMethod.map({ request.headers.contains($0) }) ?? false,
            let methods = Routes.methods(of: request.uri.path)
        else { return nil }
        var headers = HTTPFields()
        let requested = Self.requestedHeaders.flatMap { request.headers[$0] }
        Self.add(origins.preflight(for: origin, methods: methods, requested: requested), to: &headers)
        return Response(status: .noContent, headers: headers)
    }

    private static func add(_ fields: [(name: String, value: String)], to headers: inout HTTPFields) {
        for (name, value) in fields {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
    }
}
