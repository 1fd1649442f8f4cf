import Hummingbird
import SimpleAICore

/// Refuses paths that the router would confuse with others: it ignores doubled and trailing slashes. Any guard of a
/// path, here or in a proxy in front, compares the exact path. `RequestTarget` has already normalized the paths that
/// are read leniently.
struct ExactPathMiddleware: RouterMiddleware {
    typealias Context = ControlContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard !RequestTarget(request.uri.path).isAmbiguous else { throw HTTPError(.notFound) }
        return try await next(request, context)
    }
}
