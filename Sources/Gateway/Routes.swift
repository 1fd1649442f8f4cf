import HTTPTypes
import Hummingbird
import NIOCore
import Settings
import SimpleAICore

/// All routes of the gateway, by paths as `RequestTarget` normalizes them. GET routes also accept HEAD.
///
/// | path | plane | access |
/// |---|---|---|
/// | `POST /v1/chat/completions`, `/v1/completions` | data (`InferenceHandler`) | bearer |
/// | `POST /v1/embeddings`, `/v1/responses` | data (`InferenceHandler`) | bearer |
/// | `POST /v1/route` | control | bearer |
/// | `GET /v1/models`, `GET /v1/models/{id}` | control | bearer |
/// | `GET /ws/runners` | WebSocket (`Runners/Agents`) | runner agents, with their token |
/// | `GET /health`, `GET /ready` | control | all clients |
/// | `GET /metrics` | control | loopback peers, or the metrics token |
/// | `GET /admin` | control | administrators |
/// | `GET /admin/api/fleet`, `POST /admin/api/machines/{id}/wake`, `…/sleep` | control | administrators |
/// | `GET`, `POST /admin/api/keys`, `DELETE /admin/api/keys/{id}` | control | administrators |
enum Routes {
    static func router(_ gateway: GatewayServices, issuers: @escaping @Sendable () -> [Metrics.IssuerGauge]) -> Router<
        ControlContext
    > {
        let router = Router(context: ControlContext.self, options: .autoGenerateHeadEndpoints)
        let control = ControlPlane(gateway: gateway, issuers: issuers)
        router.add(middleware: SecurityHeadersMiddleware())
        router.add(middleware: CORSMiddleware(gateway: gateway))
        router.add(middleware: ErrorResponseMiddleware(gateway: gateway))
        router.add(middleware: ControlPlaneShares(control: control))
        router.add(middleware: AdministrationGuard(control: control))
        router.add(middleware: ExactPathMiddleware())
        router.post("/v1/route") { request, context in try await control.route(for: request, context) }
        router.get("/v1/models") { request, context in try await control.models(for: request, context) }
        router.get("/v1/models/**") { request, context in try await control.model(for: request, context) }
        router.get("/ws/runners") { request, _ in try control.runnerSocket(for: request) }
        router.get("/health") { _, _ in control.health() }
        router.get("/ready") { _, _ in try control.ready() }
        router.get("/metrics") { request, context in try control.metrics(for: request, context) }
        let machines = FleetAdministration(control: control)
        router.get("/admin") { request, context in try await machines.report(for: request, context) }
        router.get("/admin/api/fleet") { request, context in try await machines.report(for: request, context) }
        router.post("/admin/api/machines/**") { request, context in try await machines.command(for: request, context) }
        let keys = KeyAdministration(control: control)
        router.get("/admin/api/keys") { request, context in try await keys.list(for: request, context) }
        router.post("/admin/api/keys") { request, context in try await keys.create(for: request, context) }
        router.delete("/admin/api/keys/*") { request, context in try await keys.revoke(for: request, context) }
        return router
    }

    /// Method and path of every control-plane route.
    static func table(_ gateway: GatewayServices) -> [(method: String, path: String)] {
        router(gateway) { [] }.routes.map { ($0.method.rawValue, $0.path.description) }
    }

    /// The methods that a path supports; nil for an unknown path.
    static func methods(of path: String) -> [String]? {
        if Endpoint(rawValue: path) != nil { return ["POST"] }
        if path == "/v1/route" { return ["POST"] }
        if FleetAdministration.command(in: path) != nil { return ["POST"] }
        if path == "/admin/api/keys" { return ["GET", "HEAD", "POST"] }
        if path.hasPrefix("/admin/api/keys/") { return ["DELETE"] }
        let known = ["/v1/models", Agents.path, "/health", "/ready", "/metrics", "/admin", "/admin/api/fleet"]
        return known.contains(path) || path.hasPrefix("/v1/models/") ? ["GET", "HEAD"] : nil
    }
}
