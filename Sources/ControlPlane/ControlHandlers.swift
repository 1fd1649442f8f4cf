import Dialects
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Relay
import Scheduling
import Settings
import SimpleAICore

/// The handlers of the control-plane routes.
struct ControlHandlers: Sendable {
    let services: ControlPlaneServices

    func models(for request: Request, _ context: ControlContext) async throws -> Response {
        let list = try await list(for: request, context)
        guard Self.isForAnthropic(request) else { return Self.json(list.json) }
        let page = try AnthropicMessages.ModelPage(query: request.uri.query ?? "")
        return Self.json(try AnthropicMessages.modelList(list.entries.map(\.anthropicModel), page: page))
    }

    private static let anthropicVersion = HTTPField.Name(Dialect.anthropicVersion)

    /// Whether the client reads the forms of Anthropic's API.
    static func isForAnthropic(_ request: Request) -> Bool {
        anthropicVersion.map { request.headers.contains($0) } ?? false
    }

    /// Describes one model. Its id may contain `/` and `:`, percent-encoded or not.
    func model(for request: Request, _ context: ControlContext) async throws -> Response {
        let list = try await list(for: request, context)
        let id = PercentEncoding.decoded(request.uri.path.dropFirst("/v1/models/".count)) ?? ""
        guard let entry = list.entry(for: id) else {
            throw GatewayError(
                .modelNotFound, "Unknown model \"\(id)\". GET /v1/models lists the models you can use.",
                param: "model")
        }
        guard Self.isForAnthropic(request) else { return Self.json(entry.json) }
        return Self.json(AnthropicMessages.modelDocument(entry.anthropicModel))
    }

    /// Liveness: succeeds while the process serves requests.
    func health() -> Response {
        Self.json("{\"status\":\"ok\",\"version\":\(JSONString.encode(services.version))}")
    }

    /// Readiness: fails while draining, and until the keys of at least one issuer are known.
    func ready() throws -> Response {
        if services.drain.isDraining {
            throw GatewayError(.shuttingDown, "The gateway is shutting down.", retry: .after(.seconds(5)))
        }
        guard services.credentials.areReady else {
            throw GatewayError(
                .keysUnavailable, "Keys of the token issuers have not been fetched yet.", retry: .after(.seconds(5)))
        }
        return Self.json("{\"status\":\"ready\"}")
    }

    func metrics(for request: Request, _ context: ControlContext) throws -> Response {
        let token = services.rules.settings.metrics.token
        if token.isEmpty {
            guard context.isLocal, !TrustedProxies.areForwarded(request.headers) else {
                throw GatewayError(
                    .permissionDenied, "Permission denied: metrics are for loopback peers only.",
                    cause: "the request came from or through another host, and metrics.token is not set")
            }
        } else {
            guard let sent = Bearer.token(in: request.headers[.authorization]) else {
                throw GatewayError.missingCredentials(found: request.headers[.authorization])
            }
            guard Bearer.isEqual(sent, token) else {
                throw GatewayError(
                    .invalidAPIKey, "Metrics require the bearer token of metrics.token.",
                    cause: "the bearer token differs from metrics.token")
            }
        }
        var page = ExpositionPage()
        for source in services.metrics { source.write(to: &page) }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: page.text)))
    }

    /// Called only if the connection was not upgraded: the client did not request it, or the gateway refused it.
    func runnerSocket(for request: Request) throws -> Response {
        guard HTTPField.Name("sec-websocket-key").map({ request.headers[$0] != nil }) ?? false else {
            throw GatewayError(
                .invalidRequest, "This path accepts WebSocket connections (HTTP/1.1, version 13) of runner agents only."
            )
        }
        if services.drain.isDraining {
            throw GatewayError(.shuttingDown, "The gateway is shutting down.", retry: .after(.seconds(5)))
        }
        throw GatewayError(
            .rateLimitExceeded, "Too many unregistered agent connections. Retry later.",
            retry: .after(.seconds(5)))
    }

    /// Explains how a call with this body would be placed, without running it. The same rights apply; administrators
    /// may query other roles.
    func route(for request: Request, _ context: ControlContext) async throws -> Response {
        let requester = try await caller(of: request, context)
        let rules = services.rules
        let other = try RoleImpersonation.caller(in: request, requester: requester, rules)
        var body = CallBody()
        return try await withBody(
            of: request, context, by: requester, counting: .query, upTo: rules.settings.server.maxBody
        ) { piece throws(GatewayError) in
            try body.append(piece)
        } then: {
            try explanation(of: &body, for: other, requestedBy: requester, rules)
        }
    }

    private func explanation(
        of body: inout CallBody, for other: Caller?, requestedBy requester: Caller, _ rules: ControlPlaneServices.Rules
    ) throws -> Response {
        let caller = other ?? requester
        let statedEndpoint = try body.statedEndpoint()
        let endpoint = statedEndpoint ?? .chatCompletions
        let read = rules.access.resolve(
            try body.finish(
                endpoint: endpoint, id: RequestID.id(stated: nil), defaultClass: rules.access.classes.defaultClass,
                needsInput: statedEndpoint == nil)
        ) { services.scheduler.lists($0) }
        let status = rules.access.permissionDeniedStatus
        let access =
            requester.isAdmin
            ? rules.access.policy.reasons(for: read.request, by: caller)
                .json(roles: caller.roles, limits: rules.access.limits.limits(of: caller)) : nil
        let call: AuthorizedCall
        do throws(GatewayError) {
            call = try rules.access.policy.authorize(read, by: caller)
        } catch {
            guard other != nil, let access else { throw error }
            return Self.json(
                RouteRejection(call: read, error: error, permissionDeniedStatus: status, access: access).json
            )
        }
        let affinity = call.policy == .prefixAffinity ? body.conversation(of: endpoint) : nil
        let lacking = services.upstreams.runners(lacking: endpoint, of: call.models)
        var request = PlacementRequest(call, affinity: affinity, excluding: Set(lacking.keys))
        request.lackingEndpoint = request.excluded
        return Self.json(
            RouteExplanation(
                call: call, placement: services.scheduler.explain(request).refusing(with: lacking),
                showsRunners: rules.access.showsRunner(to: requester), permissionDeniedStatus: status, access: access,
                parameters: rules.access.parameters
            ).json)
    }

    func list(for request: Request, _ context: ControlContext) async throws(GatewayError) -> ModelList {
        list(for: try await caller(of: request, context))
    }

    func list(for caller: Caller) -> ModelList {
        let rules = services.rules
        return ModelList(
            services.scheduler.snapshot(), contextLengths: services.contextLengths.all,
            capabilities: services.capabilities.all, classes: rules.access.classes, policy: rules.access.policy,
            aliases: rules.access.aliases, caller: caller, showsRunners: rules.access.showsRunner(to: caller))
    }

    func caller(of request: Request, _ context: ControlContext) async throws(GatewayError) -> Caller {
        let authorization = request.headers[.authorization]
        var digest: TokenDigest?
        switch services.credentials.firstStep(
            authorization: authorization, token: Self.token(of: request), digest: &digest)
        {
        case .known(let caller): return caller
        case .refused(let error): throw error
        case .unverified(let token):
            return try await services.credentials.caller(for: token, from: client(of: request, context))
        }
    }

    /// The token of the request, in any field that carries one; the data plane refuses requests whose fields differ.
    static func token(of request: Request) -> String? {
        Bearer.token(in: request.headers[.authorization])
            ?? tokenFields.lazy.compactMap { request.headers[$0] }.first { !$0.isEmpty }
    }

    private static let tokenFields = TokenFields.names.compactMap { HTTPField.Name($0) }

    /// The client's address: the peer's, or the one that a trusted proxy states.
    func client(of request: Request, _ context: ControlContext) -> IPAddress? {
        services.rules.access.proxies.client(of: IPAddress(context.peer), request.headers)
    }

    /// The caller of the request. Throws unless it is an administrator.
    func admin(of request: Request, _ context: ControlContext) async throws(GatewayError) -> Caller {
        let caller = try await caller(of: request, context)
        try services.rules.access.policy.authorizeAdministration(by: caller)
        return caller
    }

    /// Logs a change by an administrator: the caller, the action and the object.
    func audit(_ action: String, of object: String, by admin: Caller) {
        services.logger.notice("Admin action", metadata: Self.auditMetadata(action, of: object, by: admin))
    }

    static func auditMetadata(_ action: String, of object: String, by caller: Caller) -> Logger.Metadata {
        [
            LogKeys.caller: "\(caller.subject)", LogKeys.issuer: "\(caller.issuer)",
            LogKeys.action: "\(action)", LogKeys.object: "\(object)",
        ]
    }

    static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        json(ByteBuffer(string: text), status: status)
    }

    static func json(_ bytes: [UInt8]) -> Response { json(ByteBuffer(bytes: bytes), status: .ok) }

    private static func json(_ body: ByteBuffer, status: HTTPResponse.Status) -> Response {
        Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: body))
    }
}

extension ModelList.Entry {
    /// The model in Anthropic's list.
    var anthropicModel: AnthropicMessages.Model {
        AnthropicMessages.Model(
            id: id, displayName: displayName, created: ModelList.created, contextLength: contextLength)
    }
}
