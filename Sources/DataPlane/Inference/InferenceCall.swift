import NIOCore
import NIOHTTP1
import Relay
import Scheduling
import Settings
import SimpleAICore

/// The shell of one call: performs the actions of `CallState` and reports events to it. Everything here runs on the
/// event loop of the client's connection.
final class InferenceCall {
    let id: CallID
    let endpoint: Endpoint
    private(set) var head: HTTPRequestHead
    private var fields: CallFields
    let services: DataPlaneServices
    /// The rules at the beginning of the call.
    let rules: DataPlaneRules
    let eventLoop: any EventLoop
    /// The connection's handler, which retains this call until it ends.
    let connection: InferenceHandler
    /// The client's address: the peer's, or the one that a trusted proxy states; nil if it is not an IP address.
    let client: IPAddress?

    private(set) var state: CallState
    var body = CallBody()
    lazy var bodyReader = RequestBodyReader(fields.coding, limit: rules.settings.server.maxBody)
    /// Number of bytes of the shared buffer memory that are reserved for `body`.
    var reservedBytes = 0
    /// The caller's share of the buffer memory; used once the caller is known.
    private(set) lazy var memory = connection.memoryShare(
        of: (caller ?? .anonymous).id, from: rules.access.shareHolder(of: client))
    var requestIsComplete = false
    /// Whether received bytes of the body wait to be decoded.
    var isDecoding = false
    /// Bytes that arrived with the head of a request whose credentials are still being checked.
    var unread = ByteBuffer()
    private(set) var caller: Caller?
    private var admission: CallLimiter.Admission?
    /// The state of the caller's limits, for the response; nil if it has none.
    private(set) var limitUsage: LimitUsage?
    var call: Call?
    private var waiting: (id: WaiterID, request: PlacementRequest)?
    private(set) var lease: Lease?
    /// The explanation of the placement, for administrators that request it.
    private(set) var explanation: String?
    /// The only runner that can serve this call; nil for any.
    private var onlyRunner: RunnerID?
    /// When the call began to wait for a loading engine.
    private var loadingSince: ContinuousClock.Instant?
    var exchangeHandle: ExchangeHandle?
    /// The upstream to which the call was last sent.
    private(set) var upstream: Upstream?
    /// Runners that lack the endpoint, as earlier calls found, and their errors.
    var runnersWithoutEndpoint: [RunnerID: GatewayError] = [:]
    /// Runners of which this call found that they lack the endpoint.
    var newRunnersWithoutEndpoint: Set<RunnerID> = []
    var upstreamResponse = UpstreamResponse()
    /// Not part of `upstreamResponse`: a write changes it while `upstreamResponse` is being modified.
    var delivery = StreamDelivery()

    var timeline = CallTimeline()
    private var keepalive: Scheduled<Void>?
    private var totalTimer: Scheduled<Void>?
    /// Limits the wait for usage and `[DONE]` after the last choice is finished.
    private var usageTimer: Scheduled<Void>?
    var lastWrite: NIODeadline = .now()
    /// When the engine's stream last delivered an event.
    var lastEvent: NIODeadline = .now()
    /// Whether the head of the response permits the client to reuse the connection.
    var connectionPersists = true

    init(
        head: HTTPRequestHead, endpoint: Endpoint, services: DataPlaneServices, connection: InferenceHandler,
        on eventLoop: any EventLoop
    ) {
        self.fields = CallFields(head.headers)
        self.id = RequestID.id(stated: fields.requestID)
        self.endpoint = endpoint
        self.head = head
        self.services = services
        self.connection = connection
        self.eventLoop = eventLoop
        self.rules = services.rules
        self.client = rules.access.proxies.client(of: connection.peer, head.headers)
        self.state = CallState(limits: rules.callLimits)
    }

    // MARK: Events from the connection

    func begin() {
        services.metrics.callBegan()
        if let error = refusalOfHead() { return handle(.refused(error)) }
        let token = connection.token(in: fields.authorization)
        switch services.credentials.firstStep(authorization: fields.authorization, token: token) {
        case .known(let caller): authenticated(caller)
        case .refused(let error): handle(.refused(error))
        case .unverified(let token): verify(token)
        }
    }

    func clientClosed() { handle(.clientClosed) }
    func drainExpired() { handle(.drainExpired) }

    // MARK: Credentials

    /// The error for a head that is refused before its body is read; nil if it is accepted.
    private func refusalOfHead() -> GatewayError? {
        guard head.method == .POST else {
            return GatewayError(.methodNotAllowed, "\(endpoint.path) supports POST only.")
        }
        if let error = RequestBodyReader.refusal(ofLength: fields.contentLength, limit: rules.settings.server.maxBody) {
            return error
        }
        guard fields.isJSON else {
            return GatewayError(
                .unsupportedMediaType,
                "Send UTF-8 JSON with \"Content-Type: application/json\".", param: "content-type")
        }
        return fields.hasUnsupportedCoding ? .unsupportedCoding : nil
    }

    private func verify(_ token: String) {
        let call = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.makeFutureWithTask {
            [credentials = services.credentials, client] () -> Result<Caller, GatewayError> in
            do throws(GatewayError) {
                return .success(try await credentials.caller(for: token, from: client))
            } catch {
                return .failure(error)
            }
        }
        .whenSuccess { result in
            switch result {
            case .success(let caller): call.value.authenticated(caller)
            case .failure(let error): call.value.handle(.refused(error))
            }
        }
    }

    private func authenticated(_ caller: Caller) {
        timeline.authenticated = .now()
        self.caller = caller
        guard !state.isFinished, isAdmitted(caller) else { return }
        state.announcesRunner = rules.access.showsRunner(to: caller)
        handle(.authenticated(caller))
        guard !state.isFinished else { return }
        if unread.readableBytes > 0 {
            let bytes = unread
            unread = ByteBuffer()
            receive(bytes)
        }
        guard acceptsBody else { return }
        if requestIsComplete { receiveEnd() } else { connection.resumeReading() }
    }

    /// Counts the call against its limits.
    /// - Returns: whether they allow it.
    private func isAdmitted(_ caller: Caller) -> Bool {
        switch services.limiter.begin(caller, from: client, under: rules.access.limits) {
        case nil: return true
        case .admitted(let admission, let limitUsage):
            self.admission = admission
            self.limitUsage = limitUsage
            return true
        case .refused(let error, let limitUsage):
            self.limitUsage = limitUsage
            handle(.refused(error))
            return false
        }
    }

    // MARK: Actions

    func handle(_ event: CallState.Event) {
        for action in state.handle(event) { perform(action) }
    }

    private func perform(_ action: CallState.Action) {
        switch action {
        case .acceptBody: continueIfExpected()
        case .authorize(let call, let caller): authorize(call, caller)
        case .place(let call, let excluded):
            runnersWithoutEndpoint = services.upstreams.runners(lacking: endpoint, of: call.models)
            let request = request(
                for: call,
                excluding: runnersWithoutEndpoint.isEmpty ? excluded : excluded.union(runnersWithoutEndpoint.keys))
            if fields.wantsReasons, caller?.isAdmin ?? false { explanation = explain(call, request) }
            place(request)
        case .withdrawPlacement: withdraw()
        case .forward(let call, let lease, let usesNewConnection):
            forward(call, lease, usesNewConnection: usesNewConnection)
        case .cancelForwarding:
            exchangeHandle?.cancel()
            exchangeHandle = nil
        case .releaseUpstream:
            exchangeHandle?.release()
            exchangeHandle = nil
        case .noteUsageOptionRejected(let runner): services.upstreams[runner]?.noteStreamUsageRefused()
        case .noteEndpointMissing(let lease, let error): noteEndpointMissing(lease, error)
        case .reportGatewayRejected(let runner, let status): reportGatewayRejected(runner, status)
        case .returnLease(let lease, let outcome):
            if outcome == .loading { loadingSince = loadingSince ?? .now }
            services.scheduler.release(lease.id, outcome: outcome)
        case .reportUnreachable(let runner):
            services.scheduler.callCouldNotConnect(runner, reason: "a call could not connect to \(authority)")
        case .reportRefused(let runner):
            services.scheduler.runnerRefused(runner, reason: "connection refused by \(authority)")
        case .refreshModels(let runner): services.refreshModels(runner)
        case .sendEarlyHead: beginStream(nil)
        case .sendComment(let text): sendComment(text)
        case .beginStream(let lease):
            beginStream(lease)
            releaseRequest()
        case .sendDocument(let lease, let document): sendDocument(lease, document)
        case .respond(let error): respond(error)
        case .failInBand(let error): failInBand(error)
        case .beginDocument(let lease, let status):
            beginDocument(lease, status: status)
            releaseRequest()
        case .endStream: endResponse()
        case .abortResponse: connection.abortResponse()
        case .settle(let ending): settle(ending)
        }
    }

    /// The address that the call was last sent to.
    private var authority: String { upstream?.authority ?? "it" }

    private func continueIfExpected() {
        guard fields.expectation?.lowercased() == "100-continue", head.version != .http1_0,
            !requestIsComplete, unread.readableBytes == 0
        else { return }
        connection.writeContinue(head.version)
    }

    private func authorize(_ call: Call, _ caller: Caller) {
        do throws(GatewayError) {
            let authorized = try rules.access.policy.authorize(call, by: caller)
            if let previous = call.previousResponse { onlyRunner = try originRunner(of: previous, for: caller) }
            startTimers(for: call)
            handle(.authorized(authorized))
        } catch {
            handle(.refused(error))
        }
    }

    private func originRunner(of response: String, for caller: Caller) throws(GatewayError) -> RunnerID {
        guard let runner = services.responses.runner(of: response, for: caller), services.upstreams[runner] != nil
        else { throw .previousResponseIsUnknown }
        return runner
    }

    private func request(for call: AuthorizedCall, excluding excluded: Set<RunnerID>) -> PlacementRequest {
        let affinity = call.policy == .prefixAffinity ? body.conversation(of: call.call.endpoint) : nil
        var request = PlacementRequest(call, affinity: affinity, only: onlyRunner, excluding: excluded)
        request.loadingSince = loadingSince
        return request
    }

    /// Computed before the call is placed, so that it describes the state that the call finds.
    private func explain(_ call: AuthorizedCall, _ request: PlacementRequest) -> String {
        RouteExplanation(
            call: call, placement: services.scheduler.explain(request), showsRunners: true,
            permissionDeniedStatus: rules.access.permissionDeniedStatus
        ).header
    }

    private func place(_ request: PlacementRequest) {
        let call = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        let placement = services.scheduler.place(request) { result in
            eventLoop.execute { call.value.placementDecided(result) }
        }
        switch placement {
        case .granted(let lease): placed(lease)
        case .waiting(let id, _): waiting = (id, request)
        case .refused(let error): placementRefused(error, request)
        }
    }

    private func placementDecided(_ result: Result<Lease, GatewayError>) {
        let request = waiting?.request
        waiting = nil
        switch result {
        case .success(let lease): placed(lease)
        case .failure(let error): placementRefused(error, request)
        }
    }

    private func placed(_ lease: Lease) {
        self.lease = lease
        timeline.add(lease)
        handle(.placed(lease))
    }

    private func withdraw() {
        guard let waiting else { return }
        self.waiting = nil
        // If the result is already on its way, `CallState` returns its lease.
        _ = services.scheduler.abandon(waiting.id, of: waiting.request)
    }

    private func forward(_ call: AuthorizedCall, _ lease: Lease, usesNewConnection: Bool) {
        guard let upstream = services.upstreams[lease.runner] else {
            return handle(.upstreamFailed(.unreachable("the runner has no address")))
        }
        self.upstream = upstream
        let addsUsage =
            call.call.streams && !call.call.wantsUsage && endpoint.supportsStreamUsage && state.mayAddUsageOption
            && upstream.acceptsStreamUsage
        let bytes = body.forwarded(model: lease.engineModel.rawValue, addingUsage: addsUsage)
        memory.release(upstreamResponse.reservedBytes)
        upstreamResponse = UpstreamResponse(
            to: UpstreamResponse.ResponseExpectations(
                endpoint: endpoint, model: lease.model, streams: call.call.streams,
                expectedChoices: call.call.expectedChoices, acceptsUnknownLength: head.version != .http1_0,
                context: ResponseCause.Context(
                    endpoint: endpoint, engineModel: lease.engineModel.rawValue, addsUsageOption: addsUsage,
                    runnerHasServed: lease.runnerHasServed)))
        delivery = StreamDelivery()
        timeline.sent = .now()
        let request = UpstreamRequest(
            head: ForwardedHeaders.request(
                from: head, path: endpoint.path, dialect: endpoint.dialect, to: upstream,
                bodyLength: bytes.readableBytes,
                requestID: id.rawValue),
            body: bytes)
        let exchangeHandle = ExchangeHandle()
        self.exchangeHandle = exchangeHandle
        services.pools.pool(on: eventLoop).send(
            request, to: upstream, for: self, exchangeHandle: exchangeHandle, timeouts: rules.upstreamTimeouts,
            usesNewConnection: usesNewConnection)
    }

    /// Releases what another attempt would need: the call cannot move after the first relayed byte, and its stream may
    /// last for minutes.
    private func releaseRequest() {
        if reservedBytes > 0 { memory.release(reservedBytes) }
        reservedBytes = 0
        body.release()
        head.headers = HTTPHeaders()
        fields = CallFields(HTTPHeaders())
        if upstreamResponse.events != nil { upstreamResponse.head = nil }
    }

    // MARK: Timers

    // Timers retain the call until `settle` cancels them: a weak reference would make every retain of the call slower.

    private func startTimers(for call: Call) {
        let total = rules.settings.routing.timeouts.total
        if total > .zero {
            totalTimer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(total)) { [self] in
                handle(.totalTimeExpired)
            }
        }
        if call.streams { armKeepalive(at: lastWrite + TimeAmount(rules.settings.keepalive.after)) }
    }

    /// Maximum time for usage and `[DONE]` after the last `finish_reason`.
    private static let usageTimeout: TimeAmount = .seconds(1)

    func awaitUsage() {
        guard usageTimer == nil else { return }
        usageTimer = eventLoop.assumeIsolated().scheduleTask(deadline: lastEvent + Self.usageTimeout) { [self] in
            usageTimer = nil
            // Other events arrived meanwhile: the timeout starts again.
            if lastEvent + Self.usageTimeout > .now() { awaitUsage() } else { stopAwaitingUsage() }
        }
    }

    /// One timer per stream, moved lazily: a write only records its time.
    private func armKeepalive(at deadline: NIODeadline) {
        keepalive = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            guard !state.isFinished else { return }
            let every = TimeAmount(rules.settings.keepalive.every)
            if !timeline.headWasSent || lastWrite + every <= .now(), connection.isWritable {
                handle(.keepaliveDue)
            }
            guard !state.isFinished else { return }
            armKeepalive(at: max(lastWrite + every, .now() + .milliseconds(1)))
        }
    }

    // MARK: The end

    private func settle(_ ending: CallState.Ending) {
        keepalive?.cancel()
        totalTimer?.cancel()
        usageTimer?.cancel()
        (keepalive, totalTimer, usageTimer) = (nil, nil, nil)
        if reservedBytes + upstreamResponse.reservedBytes > 0 {
            memory.release(reservedBytes + upstreamResponse.reservedBytes)
        }
        reservedBytes = 0
        upstreamResponse.reservedBytes = 0
        body.release()
        unread = ByteBuffer()
        if let admission { services.limiter.end(admission, tokens: upstreamResponse.tokens) }
        admission = nil
        record(ending)
        exchangeHandle = nil
    }
}
