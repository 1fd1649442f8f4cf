import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Relay
import Scheduling
import Settings
import SimpleAICore

/// What the control plane's routes do: ordinary handlers, off the hot path.
struct ControlPlane: Sendable {
    let gateway: GatewayServices
    let issuers: @Sendable () -> [Metrics.IssuerGauge]

    func models(for request: Request, _ context: ControlContext) async throws -> Response {
        Self.json(try await list(for: request, context).json)
    }

    /// Ids may hold `/` and `:`, percent-encoded or not.
    func model(for request: Request, _ context: ControlContext) async throws -> Response {
        let list = try await list(for: request, context)
        let id = PercentEncoding.decoded(request.uri.path.dropFirst("/v1/models/".count)) ?? ""
        guard let entry = list.entry(for: id) else {
            throw GatewayError(
                .modelNotFound, "There is no model \"\(id)\" that you may ask for. GET /v1/models lists them.",
                param: "model")
        }
        return Self.json(entry.json)
    }

    /// Liveness: true while the process serves.
    func health() -> Response {
        Self.json("{\"status\":\"ok\"}")
    }

    /// Readiness: false while draining and before any issuer has keys.
    func ready() throws -> Response {
        if gateway.drain.isDraining {
            throw GatewayError(.shuttingDown, "The gateway is shutting down.", retry: .after(.seconds(5)))
        }
        guard gateway.verifier?.hasKeys ?? true else {
            throw GatewayError(
                .keysUnavailable, "No token issuer's keys are known yet.", retry: .after(.seconds(5)))
        }
        return Self.json("{\"status\":\"ready\"}")
    }

    func metrics(for request: Request, _ context: ControlContext) throws -> Response {
        let token = gateway.rules.settings.metrics.token
        let isAllowed =
            token.isEmpty
            ? context.isLocal && !TrustedProxies.areForwarded(request.headers)
            : Bearer.token(in: request.headers[.authorization]).map { Bearer.isEqual($0, token) } ?? false
        guard isAllowed else {
            throw token.isEmpty
                ? GatewayError(.permissionDenied, "Permission denied: metrics are for loopback peers only.")
                : GatewayError(.invalidAPIKey, "Metrics need the metrics token.")
        }
        let text = gateway.metrics.text(
            gateway.scheduler.snapshot(), bufferedBytes: gateway.budget.bytesInUse,
            connections: gateway.connections.count, issuers: issuers())
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    /// Whoever comes here was not turned into a socket: it asked for none, or there are too many.
    func runnerSocket(for request: Request) throws -> Response {
        guard HTTPField.Name("sec-websocket-key").map({ request.headers[$0] != nil }) ?? false else {
            throw GatewayError(.invalidRequest, "Runner agents open a WebSocket (HTTP/1.1, version 13) here.")
        }
        if gateway.drain.isDraining {
            throw GatewayError(.shuttingDown, "The gateway is shutting down.", retry: .after(.seconds(5)))
        }
        throw GatewayError(
            .rateLimitExceeded, "Too many connections that do not register. Try again shortly.",
            retry: .after(.seconds(5)))
    }

    /// What would become of a call with this body: the same rights, and nothing is run. Admins may ask for others.
    func route(for request: Request, _ context: ControlContext) async throws -> Response {
        let asker = try await caller(of: request, context)
        let rules = gateway.rules
        let other = try OtherRoles.caller(in: request, asker: asker, rules)
        var body = CallBody()
        return try await withBody(
            of: request, context, by: asker, counting: .question, upTo: rules.settings.server.maxBody
        ) { piece throws(GatewayError) in
            try body.append(piece)
        } then: {
            try explanation(of: &body, for: other, askedBy: asker, rules)
        }
    }

    private func explanation(
        of body: inout CallBody, for other: Caller?, askedBy asker: Caller, _ rules: GatewayRules
    ) throws -> Response {
        let caller = other ?? asker
        let endpoint = Endpoint.chatCompletions
        let read = try body.finish(
            endpoint: endpoint, id: RequestID.id(stated: nil), defaultClass: rules.classes.defaultClass)
        let status = rules.settings.errors.permissionDeniedStatus
        let access =
            asker.isAdmin
            ? rules.policy.reasons(for: read.request, by: caller)
                .json(roles: caller.roles, limits: rules.limits.limits(of: caller)) : nil
        let call: AuthorizedCall
        do throws(GatewayError) {
            call = try rules.policy.authorize(read, by: caller)
        } catch {
            guard other != nil, let access else { throw error }
            return Self.json(
                RouteRefusal(request: read.request, error: error, permissionDeniedStatus: status, access: access).json)
        }
        let affinity = call.policy == .prefixAffinity ? body.conversation(of: endpoint) : nil
        return Self.json(
            RouteExplanation(
                call: call, placement: gateway.scheduler.explain(PlacementRequest(call, affinity: affinity)),
                showsRunners: rules.showsRunner(to: asker), permissionDeniedStatus: status, access: access
            ).json)
    }

    private func list(for request: Request, _ context: ControlContext) async throws(GatewayError) -> ModelList {
        let caller = try await caller(of: request, context)
        let rules = gateway.rules
        return ModelList(
            gateway.scheduler.snapshot(), contextLengths: gateway.contextLengths.all, classes: rules.classes,
            policy: rules.policy, caller: caller, showsRunners: rules.showsRunner(to: caller))
    }

    func caller(of request: Request, _ context: ControlContext) async throws(GatewayError) -> Caller {
        guard let verifier = gateway.verifier else { return .anonymous }
        guard let token = Bearer.token(in: request.headers[.authorization]) else {
            throw GatewayError.missingCredentials
        }
        if let caller = verifier.rememberedCaller(for: token) { return caller }
        do throws(TokenRejection) {
            return try await verifier.caller(for: token)
        } catch {
            throw gateway.throttle.refusal(error, from: client(of: request, context))
        }
    }

    /// Where a request comes from, as far as that is known for sure.
    func client(of request: Request, _ context: ControlContext) -> IPAddress? {
        gateway.rules.proxies.client(of: IPAddress(context.peer), request.headers)
    }

    /// Who asks, if it is an admin.
    func admin(of request: Request, _ context: ControlContext) async throws(GatewayError) -> Caller {
        let caller = try await caller(of: request, context)
        try gateway.rules.policy.authorizeAdministration(by: caller)
        return caller
    }

    /// One line for everything that an admin changes: who, what, and to what.
    func audit(_ action: String, of object: String, by admin: Caller) {
        gateway.logger.notice("Administration", metadata: Self.auditMetadata(action, of: object, by: admin))
    }

    static func auditMetadata(_ action: String, of object: String, by caller: Caller) -> Logger.Metadata {
        [
            LogKeys.caller: "\(caller.subject)", LogKeys.issuer: "\(caller.issuer)",
            LogKeys.action: "\(action)", LogKeys.object: "\(object)",
        ]
    }

    static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
