import Hummingbird
import SimpleAICore

/// Refuses paths with doubled or trailing slashes, which the router would ignore: access rules for a path, here or in a
/// proxy in front, compare the exact path. `RequestTarget` has already normalized the variants that are accepted.
struct ExactPathMiddleware: RouterMiddleware {
    typealias Context = ControlContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard !RequestTarget(request.uri.path).isAmbiguous else { throw HTTPError(.notFound) }
        return try await next(request, context)
    }
}
