import NIOCore
import NIOHTTP1
import Relay
import Scheduling
import Settings
import SimpleAICore

/// The shell of one call: performs the actions of `CallState` and reports events to it. Everything here runs on the
/// event loop of the client's connection.
final class InferenceCall {
    private let environment: CallEnvironment
    var origin: CallOrigin
    private(set) var state: CallState
    var body = RequestBody()
    lazy var bodyReader = RequestBodyReader(origin.fields.coding, limit: rules.settings.server.maxBody)
    private var access = CallerAccess()
    var placement = CallPlacement()
    var forwarding = CallForwarding()
    var upstreamResponse = UpstreamResponse()
    /// Not part of `upstreamResponse`: a write changes it while `upstreamResponse` is being modified.
    var progress = ResponseProgress(now: .now())
    var timeline = CallTimeline()
    private var timers = CallTimers()

    init(
        head: HTTPRequestHead, path: InferencePath, services: DataPlaneServices, connection: InferenceHandler,
        on eventLoop: any EventLoop
    ) {
        let fields = CallFields(head.headers)
        let rules = services.rules
        environment = CallEnvironment(services: services, rules: rules, eventLoop: eventLoop, connection: connection)
        origin = CallOrigin(
            id: RequestID.id(stated: fields.requestID), path: path, head: head, fields: fields,
            client: rules.access.proxies.client(of: connection.peer, head.headers))
        state = CallState(limits: rules.callLimits)
    }

    var services: DataPlaneServices { environment.services }
    var rules: DataPlaneRules { environment.rules }
    var eventLoop: any EventLoop { environment.eventLoop }
    var connection: InferenceHandler { environment.connection }
    /// Where the response is written.
    var output: ClientOutput { environment.connection.output }

    var id: CallID { origin.id }
    var endpoint: Endpoint { origin.path.endpoint }
    /// The model that the path names; nil for most calls.
    var pathModel: String? { origin.path.model }
    var head: HTTPRequestHead { origin.head }
    var client: IPAddress? { origin.client }
    var caller: Caller? { access.caller }
    var limitUsage: LimitUsage? { access.limitUsage }
    var call: Call? { placement.call }
    var lease: Lease? { placement.lease }
    var explanation: String? { placement.explanation }

    /// The caller's share of the buffer memory; used once the caller is known.
    var memory: BufferShare {
        if let memory = access.memory { return memory }
        let share = connection.memoryShare(
            of: (caller ?? .anonymous).id, from: rules.access.shareHolder(of: client))
        access.memory = share
        return share
    }

    // MARK: Events from the connection

    func begin() {
        services.metrics.callBegan()
        if let error = refusalOfHead() { return handle(.refused(error)) }
        switch connection.firstStep(authorization: origin.fields.authorization, bareToken: origin.fields.token) {
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
        if let error = RequestBodyReader.refusal(
            ofLength: origin.fields.contentLength, limit: rules.settings.server.maxBody)
        {
            return error
        }
        if hasForm {
            if let error = refusalOfForm { return error }
        } else if endpoint.requiresJSONType, !origin.fields.isJSON {
            return GatewayError(
                .unsupportedMediaType,
                "Send UTF-8 JSON with \"Content-Type: application/json\".", param: "content-type")
        }
        return origin.fields.hasUnsupportedCoding ? .unsupportedCoding : nil
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
        access.caller = caller
        guard !state.isFinished, isAdmitted(caller) else { return }
        state.announcesRunner = rules.access.showsRunner(to: caller)
        handle(.authenticated(caller))
        guard !state.isFinished else { return }
        if hasForm {
            do throws(GatewayError) {
                try beginForm(of: caller)
            } catch {
                return handle(.refused(error))
            }
        }
        if body.unread.readableBytes > 0 {
            let bytes = body.unread
            body.unread = ByteBuffer()
            receive(bytes)
        }
        guard acceptsBody else { return }
        if body.isComplete { receiveEnd() } else { connection.resumeReading() }
    }

    /// Counts the call against its limits.
    /// - Returns: whether they allow it.
    private func isAdmitted(_ caller: Caller) -> Bool {
        switch services.capacity.limiter.begin(caller, from: client, under: rules.access.limits) {
        case nil: return true
        case .admitted(let admission, let limitUsage):
            access.admission = admission
            access.limitUsage = limitUsage
            return true
        case .refused(let error, let limitUsage):
            access.limitUsage = limitUsage
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
            let request = request(for: call, excluding: excluded)
            if origin.fields.wantsReasons, caller?.isAdmin ?? false {
                var explained = request
                explained.lackingEndpoint = placement.newRunnersWithoutEndpoint.union(
                    placement.runnersWithoutEndpoint.keys)
                placement.explanation = explain(call, explained)
            }
            place(request)
        case .withdrawPlacement: withdraw()
        case .forward(let call, let lease, let usesNewConnection):
            forward(call, lease, usesNewConnection: usesNewConnection)
        case .cancelForwarding:
            forwarding.endExchange()?.cancel()
        case .releaseUpstream:
            forwarding.endExchange()?.release()
        case .noteUsageOptionRejected(let runner): services.upstreams[runner]?.noteStreamUsageRefused()
        case .noteEndpointMissing(let lease, let error): noteEndpointMissing(lease, error)
        case .notePathMissing(let lease, let error): notePathMissing(lease, error)
        case .noteEndpointTranslated(let lease, let error): noteMissing(endpoint, lease, error)
        case .noteTranslationServed(let runner): services.upstreams[runner]?.endpoints.noteUnusable(endpoint)
        case .reportGatewayRejected(let runner, let status): reportGatewayRejected(runner, status)
        case .returnLease(let lease, let outcome):
            if outcome == .loading { placement.loadingSince = placement.loadingSince ?? .now }
            services.scheduler.release(lease.id, outcome: outcome)
        case .reportUnreachable(let runner):
            services.scheduler.callCouldNotConnect(runner, reason: "a call could not connect to \(authority)")
        case .reportConnectionRefused(let runner):
            services.scheduler.runnerRefusedConnection(runner, reason: "connection refused by \(authority)")
        case .refreshModels(let runner): services.refreshModels(runner)
        case .sendEarlyHead: beginStream(nil)
        case .sendKeepalive: sendKeepalive()
        case .sendComment(let text): sendComment(text)
        case .beginStream(let lease):
            beginStream(lease)
            releaseRequest()
        case .sendDocument(let lease, let document): sendDocument(lease, document)
        case .sendLastPart: sendLastPart()
        case .sendOwnResponse: sendOwnResponse()
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
    private var authority: String { forwarding.upstream?.authority ?? "it" }

    private func continueIfExpected() {
        guard origin.fields.expectation?.lowercased() == "100-continue", head.version != .http1_0,
            !body.isComplete, body.unread.readableBytes == 0
        else { return }
        output.writeContinue(head.version)
    }

    private func authorize(_ call: Call, _ caller: Caller) {
        do throws(GatewayError) {
            let authorized = try rules.access.policy.authorize(call, by: caller)
            if let previous = call.previousResponse {
                placement.onlyRunner = try originRunner(of: previous, for: caller)
            }
            startTimers(for: call)
            handle(body.ownResponse == nil || endpoint.hasEstimate ? .authorized(authorized) : .answeredByGateway)
        } catch {
            handle(.refused(error))
        }
    }

    private func originRunner(of response: String, for caller: Caller) throws(GatewayError) -> RunnerID {
        guard let runner = services.responses.runner(of: response, for: caller), services.upstreams[runner] != nil
        else { throw .previousResponseIsUnknown }
        return runner
    }

    /// The request to place a call on a runner that serves its endpoint.
    func request(for call: AuthorizedCall, excluding excluded: Set<RunnerID>) -> PlacementRequest {
        let lacking = services.upstreams.runners(lacking: endpoint, of: call.models)
        placement.runnersWithoutEndpoint = lacking
        var request = PlacementRequest(
            call, affinity: affinity(of: call), only: placement.onlyRunner,
            excluding: lacking.isEmpty ? excluded : excluded.union(lacking.keys))
        request.loadingSince = placement.loadingSince
        return request
    }

    /// What the later calls of a conversation share: the client's id of it, or its beginning.
    private func affinity(of call: AuthorizedCall) -> PrefixFingerprint? {
        guard call.policy == .prefixAffinity else { return nil }
        return origin.fields.session.map { PrefixFingerprint($0.utf8) } ?? body.content.conversation(of: endpoint)
    }

    /// Computed before the call is placed, so that it describes the state that the call finds.
    private func explain(_ call: AuthorizedCall, _ request: PlacementRequest) -> String {
        RouteExplanation(
            call: call, placement: services.scheduler.explain(request), showsRunners: true,
            permissionDeniedStatus: rules.access.permissionDeniedStatus, parameters: rules.access.parameters
        ).header
    }

    private func place(_ request: PlacementRequest) {
        guard !endpoint.hasEstimate else { return placeImmediately(request) }
        let call = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        let result = services.scheduler.place(request) { result in
            eventLoop.execute { call.value.placementDecided(result) }
        }
        switch result {
        case .granted(let lease): placed(lease)
        case .waiting(let id, _): placement.waiting = (id, request)
        case .refused(let error): placementRefused(error, request)
        }
    }

    private func placeImmediately(_ request: PlacementRequest) {
        switch services.scheduler.placeImmediately(request) {
        case .success(let lease): placed(lease)
        case .failure(let error): handle(.placementRefused(error))
        }
    }

    private func placementDecided(_ result: Result<Lease, GatewayError>) {
        let request = placement.waiting.take()?.request
        switch result {
        case .success(let lease): placed(lease)
        case .failure(let error): placementRefused(error, request)
        }
    }

    private func placed(_ lease: Lease) {
        placement.lease = lease
        forwarding.missingPaths = EndpointSet([])
        timeline.add(lease)
        handle(.placed(lease))
    }

    private func withdraw() {
        guard let waiting = placement.waiting.take() else { return }
        // If the result is already on its way, `CallState` returns its lease.
        _ = services.scheduler.abandon(waiting.id, of: waiting.request)
    }

    // MARK: Timers

    private func startTimers(for call: Call) {
        let total = rules.settings.routing.timeouts.total
        if total > .zero {
            timers.total = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(total)) { [self] in
                handle(.totalTimeExpired)
            }
        }
        if call.streams { armKeepalive(at: progress.lastWrite + TimeAmount(rules.settings.keepalive.after)) }
    }

    /// Maximum time for usage and `[DONE]` after the last `finish_reason`.
    private static let usageTimeout: TimeAmount = .seconds(1)

    func awaitUsage() {
        guard timers.usage == nil else { return }
        timers.usage = eventLoop.assumeIsolated().scheduleTask(deadline: progress.lastEvent + Self.usageTimeout) {
            [self] in
            timers.usage = nil
            // Other events arrived meanwhile: the timeout starts again.
            if progress.lastEvent + Self.usageTimeout > .now() { awaitUsage() } else { stopAwaitingUsage() }
        }
    }

    /// One timer per stream, moved lazily: a write only records its time.
    private func armKeepalive(at deadline: NIODeadline) {
        timers.keepalive = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            guard !state.isFinished else { return }
            let every = TimeAmount(rules.settings.keepalive.every)
            if !timeline.headWasSent || progress.lastWrite + every <= .now(), connection.isWritable {
                handle(.keepaliveDue)
            }
            guard !state.isFinished else { return }
            armKeepalive(at: max(progress.lastWrite + every, .now() + .milliseconds(1)))
        }
    }

    // MARK: The end

    private func settle(_ ending: CallState.Ending) {
        timers.cancel()
        let reservedBytes = body.reservedBytes + upstreamResponse.reservedBytes
        if reservedBytes > 0 { memory.release(reservedBytes) }
        upstreamResponse.reservedBytes = 0
        body.discard()
        if let admission = access.admission.take() {
            services.capacity.limiter.end(admission, tokens: upstreamResponse.tokens)
        }
        record(ending)
        _ = forwarding.endExchange()
    }
}
