import Hummingbird
import SimpleAICore

/// Refuses paths that the router would take for others: it does not look at slashes that are doubled, or stand at the end.
/// Whatever guards a path, here or in a proxy in front, compares what is served. `RequestTarget` has already given the
/// paths that are read tolerantly their one spelling.
struct ExactPaths: RouterMiddleware {
    typealias Context = ControlContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard !RequestTarget(request.uri.path).isAmbiguous else { throw HTTPError(.notFound) }
        return try await next(request, context)
    }
}
