import HTTPTypes
import Hummingbird
import SimpleAICore
import Synchronization

/// Limits the number of concurrent control-plane requests and shares the limit among addresses, because building a model
/// list or a fleet report costs more than requesting it. Health, readiness, metrics and agent sockets are exempt.
struct ControlPlaneShares: RouterMiddleware {
    typealias Context = ControlContext

    static let rule = FairShare(capacity: 256, minShare: 16)
    private static let exempt: Set<ExactString> = ["/health", "/ready", "/metrics", ExactString(GatewayPath.agents)]

    let control: ControlHandlers

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if Self.exempt.contains(ExactString(request.uri.path)) { return try await next(request, context) }
        let services = control.services
        let holder = services.rules.access.shareHolder(of: control.client(of: request, context))
        let decision = services.requests.withLock { $0.take(for: holder, under: Self.rule) }
        guard decision == .granted else {
            services.admissions.shareWasRefused(.control)
            throw GatewayError(
                decision == .exhausted ? .queueFull : .rateLimitExceeded,
                decision == .exhausted
                    ? "The gateway is at its limit for requests of this kind. Retry later."
                    : "Too many concurrent requests of this kind from your address. Retry later.",
                retry: .after(.seconds(1)), cause: "share of the control plane")
        }
        defer { services.requests.withLock { $0.giveBack(of: holder) } }
        return try await next(request, context)
    }
}
