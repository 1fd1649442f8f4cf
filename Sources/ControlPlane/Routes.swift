import HTTPTypes
package import Hummingbird
import SimpleAICore

/// A URL of the gateway with one method.
struct Route: Sendable {
    enum Plane: String {
        case data = "data plane"
        case control = "control plane"
        /// A connection of its own, after an upgrade to WebSocket.
        case agents = "runner agents"
    }

    /// Which clients are served.
    enum Access: String {
        case callers = "callers"
        case administrators = "administrators"
        case allClients = "all clients"
        case metrics = "loopback peers, or the metrics token"
        case agents = "runner agents, with their token"
    }

    typealias Handler =
        @Sendable (ControlHandlers) -> @Sendable (Request, ControlContext) async throws -> Response

    let method: HTTPRequest.Method
    /// `*` stands for one segment, `**` for the rest of the path.
    let pattern: String
    let access: Access
    let summary: String
    let plane: Plane
    /// Whether a path that matches the pattern exists.
    private var exists: @Sendable (String) -> Bool = { _ in true }
    /// Nil on the data plane.
    let handler: Handler?

    init(
        method: HTTPRequest.Method, pattern: String, access: Access, summary: String, plane: Plane = .control,
        handler: Handler? = nil
    ) {
        self.method = method
        self.pattern = pattern
        self.access = access
        self.summary = summary
        self.plane = plane
        self.handler = handler
    }

    /// The same route, restricted to some of the paths that match its pattern.
    func existing(where exists: @escaping @Sendable (String) -> Bool) -> Route {
        var route = self
        route.exists = exists
        return route
    }

    /// Whether the route serves this path; percent-encoding counts as written.
    func covers(_ path: String) -> Bool {
        let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var rest = segments[...]
        for part in pattern.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.elementsEqual("**".utf8) { return !rest.isEmpty && !rest.allSatisfy(\.isEmpty) && exists(path) }
            guard let segment = rest.popFirst() else { return false }
            let isAny = part.elementsEqual("*".utf8)
            guard isAny ? !segment.isEmpty : segment.elementsEqual(part) else { return false }
        }
        return rest.isEmpty && exists(path)
    }
}

/// Every URL of the gateway, as `RequestTarget` normalizes it. This table is the source for the router, for the methods
/// that a 405 and a preflight response allow, and for docs/reference/http-api.md. Every route with GET also takes HEAD.
package enum Routes {
    static let all: [Route] =
        Endpoint.allCases.map {
            Route(method: .post, pattern: $0.path, access: .callers, summary: "an inference call", plane: .data)
        } + [
            Route(
                method: .post, pattern: "/openai/deployments/*/**", access: .callers,
                summary: "an inference call in Azure's form: `…/MODEL/chat/completions`", plane: .data
            ).existing { InferencePath($0) != nil },
            Route(method: .post, pattern: "/v1/route", access: .callers, summary: "explains a placement") { control in
                { try await control.route(for: $0, $1) }
            },
            Route(method: .get, pattern: "/v1/models", access: .callers, summary: "the models of the caller") {
                control in
                { try await control.models(for: $0, $1) }
            },
            Route(method: .get, pattern: "/v1/models/**", access: .callers, summary: "one model") { control in
                { try await control.model(for: $0, $1) }
            },
            Route(
                method: .get, pattern: GatewayPath.agents, access: .agents, summary: "the WebSocket of a runner agent",
                plane: .agents
            ) { control in { request, _ in try control.runnerSocket(for: request) } },
            Route(method: .get, pattern: "/health", access: .allClients, summary: "liveness") { control in
                { _, _ in control.health() }
            },
            Route(method: .get, pattern: "/ready", access: .allClients, summary: "readiness") { control in
                { _, _ in try control.ready() }
            },
            Route(method: .get, pattern: "/metrics", access: .metrics, summary: "metrics for Prometheus") { control in
                { try control.metrics(for: $0, $1) }
            },
            Route(method: .get, pattern: "/admin", access: .administrators, summary: "the fleet") { control in
                { try await FleetAdministration(control: control).report(for: $0, $1) }
            },
            Route(method: .get, pattern: "/admin/api/fleet", access: .administrators, summary: "the fleet") { control in
                { try await FleetAdministration(control: control).report(for: $0, $1) }
            },
            Route(
                method: .post, pattern: "/admin/api/machines/**", access: .administrators,
                summary: "`…/ID/wake` and `…/ID/sleep`: wakes a machine, puts it to sleep"
            ) { control in { try await FleetAdministration(control: control).command(for: $0, $1) } }
            .existing { FleetAdministration.command(in: $0) != nil },
            Route(method: .get, pattern: "/admin/api/keys", access: .administrators, summary: "the API keys") {
                control in
                { try await KeyAdministration(control: control).list(for: $0, $1) }
            },
            Route(
                method: .post, pattern: "/admin/api/keys", access: .administrators, summary: "creates an API key"
            ) { control in { try await KeyAdministration(control: control).create(for: $0, $1) } },
            Route(
                method: .delete, pattern: "/admin/api/keys/*", access: .administrators, summary: "revokes an API key"
            ) { control in { try await KeyAdministration(control: control).revoke(for: $0, $1) } },
            Route(
                method: .post, pattern: "/admin/api/invitations", access: .administrators,
                summary: "invites a runner: a one-time token"
            ) { control in { try await InvitationAdministration(control: control).create(for: $0, $1) } },
            Route(
                method: .delete, pattern: "/admin/api/invitations/*", access: .administrators,
                summary: "withdraws a runner's invitation and its own token"
            ) { control in { try await InvitationAdministration(control: control).revoke(for: $0, $1) } },
        ] + ollama

    package static func router(_ services: ControlPlaneServices) -> Router<ControlContext> {
        let router = Router(context: ControlContext.self, options: .autoGenerateHeadEndpoints)
        let control = ControlHandlers(services: services)
        router.add(middleware: SecurityHeadersMiddleware())
        router.add(middleware: CORSMiddleware(services: services))
        router.add(middleware: ErrorResponseMiddleware(services: services))
        router.add(middleware: ControlPlaneShares(control: control))
        router.add(middleware: AdministrationGuard(control: control))
        router.add(middleware: ExactPathMiddleware())
        for route in all {
            guard let handler = route.handler else { continue }
            router.on(RouterPath(route.pattern), method: route.method, use: handler(control))
        }
        return router
    }

    /// Method and pattern of every route.
    static var table: [(method: String, path: String)] {
        all.flatMap { route in methods(of: route).map { ($0, route.pattern) } }
    }

    private static func methods(of route: Route) -> [String] {
        route.method == .get ? ["GET", "HEAD"] : [route.method.rawValue]
    }

    /// The methods of a known path; nil for a path that does not exist.
    static func methods(of path: String) -> [String]? {
        let methods = all.filter { $0.covers(path) }.flatMap { Self.methods(of: $0) }
        return methods.isEmpty ? nil : methods
    }

    /// The table of docs/reference/http-api.md.
    static var documentation: String {
        var text = "| method | path | access | what it is | served by |\n|---|---|---|---|---|\n"
        for route in all {
            text +=
                "| \(methods(of: route).joined(separator: ", ")) | `\(route.pattern)` | \(route.access.rawValue) | \(route.summary) "
            text += "| \(route.plane.rawValue) |\n"
        }
        return text
    }
}
