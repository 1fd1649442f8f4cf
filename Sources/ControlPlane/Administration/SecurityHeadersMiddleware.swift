import HTTPTypes
import Hummingbird

/// Adds security headers to all control-plane responses, errors included: browsers must not guess content types, store or
/// frame responses of the admin API, or leak its URLs. Fields that a response already has keep their values.
struct SecurityHeadersMiddleware: RouterMiddleware {
    typealias Context = ControlContext

    private static let everywhere = fields(["x-content-type-options": "nosniff"])
    private static let administration = fields([
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
    ])

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        Self.add(Self.everywhere, to: &response.headers)
        if AdministrationGuard.covers(request.uri.path) { Self.add(Self.administration, to: &response.headers) }
        return response
    }

    private static func add(_ fields: [HTTPField], to headers: inout HTTPFields) {
        for field in fields where !headers.contains(field.name) { headers.append(field) }
    }

    private static func fields(_ texts: [String: String]) -> [HTTPField] {
        texts.sorted { $0.key < $1.key }.compactMap { name, value in
            HTTPField.Name(name).map { HTTPField(name: $0, value: value) }
        }
    }
}
