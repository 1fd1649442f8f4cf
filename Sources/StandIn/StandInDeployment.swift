package import NIOCore
import NIOPosix
package import Synchronization

/// A deployment that follows the contract, or violates one requirement of it.
///
/// Two runners serve `sim-small` (`class:fast`); a third, which may sleep, serves `sim-large` (`class:big`). It shares
/// no code with the product: it is an independent implementation of the contract.
package final class StandInDeployment: Sendable {
    package enum Machine: Sendable, Equatable { case awake, asleep, waking }

    package struct State: Sendable {
        package var big: Machine
        package var wakes = 0
        package var calls = 0
        package var served: [String: Int] = [:]
        package var inFlight: [String: Int] = [:]
        package var isLockedOut = false
        /// Callers that are locked out, by their credentials.
        package var lockedOut: Set<String> = []
        /// When all received calls are completed, in a deployment that processes one call at a time.
        package var busyUntil = NIODeadline.uptimeNanoseconds(0)
        package var waiters: [EventLoopPromise<Void>] = []
        /// Number of waiting calls that end a wake, once the model list was also requested twice during it; 0 ends it after
        /// a fixed time. A test can thus observe a wake on a host of any speed.
        package var heldCallers = 0
        package var pollsWhileWaking = 0
        /// Authorization values by path, to verify that each call carried the right token.
        package var seen: [(path: String, model: String, authorization: String?)] = []
        /// The chat requests, to verify their other fields.
        package var asked: [(model: String, prompt: String, maxTokens: Int?)] = []
        /// Number of calls of the other APIs, as the metrics state it.
        var dialectCalls = 0
        /// Slots that long streams occupy, by path.
        var slotsInUse: [String: Int] = [:]
        /// Long streams that wait for a slot, by path.
        var slotWaiters: [String: [EventLoopPromise<Void>]] = [:]
    }

    package let variant: StandInVariant
    package let defect: Defect?
    package let state: Mutex<State>

    package init(variant: StandInVariant = .forbidden, defect: Defect? = nil) {
        self.variant = variant
        self.defect = defect
        state = Mutex(State(big: variant.bigSleeps && defect != .nothingSlept ? .asleep : .awake))
    }

    /// Duration of a wake: `slow` applies only if fewer calls wait than ``State/heldCallers``; `silent` is longer than the
    /// maximum time without a byte on a stream.
    private static let wakeTime = (
        fast: TimeAmount.milliseconds(150), slow: TimeAmount.seconds(3), silent: TimeAmount.seconds(17)
    )

    /// Maximum duration of a wake; then the calls that wait for it fail.
    package static let maxWakeTime = TimeAmount.seconds(30)

    private struct MachineDidNotWake: Error {}

    package func respond(_ request: StandInRequest, on loop: any EventLoop) -> EventLoopFuture<StandInResponse> {
        if variant.servesDialects, let endpoint = StandInEndpoint(rawValue: request.path) {
            return respond(request, at: endpoint, on: loop)
        }
        if variant.servesDialects, request.path == "/metrics" { return loop.makeSucceededFuture(metrics()) }
        let model = request.model
        state.withLock { $0.seen.append((request.path, model ?? "", request.authorization)) }
        let isLockedOut = state.withLock {
            $0.isLockedOut || $0.lockedOut.contains(request.authorization ?? "")
        }
        let known = StandInTokens.caller(request.authorization, path: request.path, defect: defect)
        guard let caller = variant.requiresCredentials ? known : .unrestricted, !isLockedOut else {
            if defect == .locksOut { state.withLock { $0.isLockedOut = true } }
            return loop.makeSucceededFuture(unauthorized(request))
        }
        switch (request.method, request.path) {
        case ("GET", "/v1/models"):
            return loop.makeSucceededFuture(modelList(caller))
        case ("GET", "/admin") where variant.hasAdminSurface:
            let isAllowed = mayAdminister(caller)
            if !isAllowed, defect == .adminDenialLocksOut { simulateLockout(request) }
            return loop.makeSucceededFuture(
                isAllowed
                    ? StandInResponse(body: "{}")
                    : error(variant.adminDeniedStatus, "permission_denied", "Permission denied: admin"))
        case ("POST", "/machine/sleep"):
            putToSleep()
            return loop.makeSucceededFuture(StandInResponse(body: "{}"))
        case ("POST", "/v1/chat/completions"):
            state.withLock { $0.asked.append((model ?? "", request.prompt ?? "", request.maxTokens)) }
            return chat(request, model: model ?? "", caller: caller, on: loop)
        default:
            return loop.makeSucceededFuture(error(404, "not_found", "nothing here"))
        }
    }

    private func simulateLockout(_ request: StandInRequest) {
        state.withLock { _ = $0.lockedOut.insert(request.authorization ?? "") }
    }

    /// Executes the operator's sleep command. The next wake ends after a fixed time.
    package func putToSleep() {
        state.withLock { state in
            state.big = .asleep
            state.heldCallers = 0
        }
    }

    private func mayAdminister(_ caller: StandInTokens.Caller) -> Bool {
        switch defect {
        case .adminOpen: true
        case .adminRefused: false
        case .adminOpenToSpecific: caller.isAdmin || caller.roles.contains("model:specific")
        default: caller.isAdmin
        }
    }

    func mayUseIDs(_ caller: StandInTokens.Caller) -> Bool {
        let isSpecific = caller.roles.contains("model:specific")
        return switch defect {
        case .idsDeniedToAll: false
        case .adminIsNoCaller: isSpecific
        default: isSpecific || caller.isAdmin
        }
    }

    // MARK: Chat

    private func chat(
        _ request: StandInRequest, model: String, caller: StandInTokens.Caller, on loop: any EventLoop
    ) -> EventLoopFuture<StandInResponse> {
        if defect == .chat500 { return loop.makeSucceededFuture(error(500, "internal_error", "no")) }
        if let refusal = refusal(request, model: model, caller: caller, on: loop) {
            return loop.makeSucceededFuture(refusal)
        }
        let isBig = model == "class:big" || model == "sim-large"
        guard isBig, defect != .bigServedByFast else {
            return loop.makeSucceededFuture(response(request, model: model, wake: nil, on: loop))
        }
        return wakeIfNeeded(on: loop).map { wake in self.response(request, model: model, wake: wake, on: loop) }
            .recover { _ in self.error(503, "no_runner_available", "The machine did not wake up.") }
    }

    /// The response that refuses the call, or nil if the call is served.
    private func refusal(
        _ request: StandInRequest, model: String, caller: StandInTokens.Caller, on loop: any EventLoop
    ) -> StandInResponse? {
        let isClass = model.hasPrefix("class:")
        let isConfigured = model != "class:big" || variant.hasBigClass
        let isKnown = isConfigured && ["class:fast", "class:big", "sim-small", "sim-large"].contains(model)
        if !isClass, !isKnown, defect == .unknownModelLocksOut { simulateLockout(request) }
        let isDenied = isClass ? defect == .classesDenied && caller.roles.isEmpty : !mayUseIDs(caller)
        if isDenied { return denial(request, model: model) }
        guard !isKnown, defect != (isClass ? .unknownClassServed : .unknownModelServed) else { return nil }
        if isClass, defect == .unknownClassWakes { _ = wakeIfNeeded(on: loop) }
        if isClass, defect == .unknownClassIs500 { return error(500, "internal_error", "no") }
        let code = !isClass && defect == .unknownModelWithoutCode ? "oops" : "model_not_found"
        var response = error(variant.unknownStatus, code, "no model \(model)")
        if isClass, defect == .unknownClassSlow { response.delay = .milliseconds(2200) }
        return response
    }

    private func denial(_ request: StandInRequest, model: String) -> StandInResponse {
        if defect == .deniedAs404 { return error(404, "model_not_found", "no model \(model)") }
        if defect == .deniedAsPlain400 { return error(400, "invalid_request", "no") }
        let denial = error(variant.deniedStatus, "permission_denied", "Permission denied: \(model) is not for you")
        guard defect == .denialInsideStream, request.wantsStream else { return denial }
        return StandInResponse(headers: [("content-type", "text/event-stream")], body: "data: \(denial.body)\n\n")
    }

    /// Waits until the big machine is awake; returns the id of the wake, nil if it was awake before.
    ///
    /// - Parameter streams: number of waiting streams that end the wake; 0: it ends as ``State/heldCallers`` states.
    func wakeIfNeeded(on loop: any EventLoop, streams: Int = 0) -> EventLoopFuture<String?> {
        let promise = loop.makePromise(of: Void.self)
        let (isWaiting, begins, wake) = state.withLock { state -> (Bool, Bool, String) in
            guard state.big != .awake else { return (false, false, "") }
            if defect != .wakesNothing { state.waiters.append(promise) }
            let begins = state.big == .asleep || defect == .wakePerRequest
            if begins { state.wakes += 1 }
            state.big = .waking
            return (true, begins, wakeName(state))
        }
        guard isWaiting else {
            promise.succeed()
            return promise.futureResult.map { self.defect == .wakesWhenWarm ? "w0" : nil }
        }
        if defect == .packetPerRequest { sendDelayedPacket(on: loop) }
        let wakes = state.withLock { $0.wakes }
        let bootSucceeds = defect != .wakesNothing && (defect != .wakesOnce || wakes < 2)
        if begins, bootSucceeds { wakeUp(on: loop, isHeld: streams > 0) }
        let isEnough = state.withLock { streams > 0 && $0.waiters.count >= streams }
        // The last stream, too, waits long enough for a keepalive.
        if isEnough, bootSucceeds, defect != .silentDialects {
            loop.scheduleTask(in: Self.wakeTime.fast) { self.completeBoot(onlyIfComplete: false) }
        }
        if !bootSucceeds {
            // The machine never comes up; callers may have a shorter timeout.
            loop.scheduleTask(in: Self.maxWakeTime) { promise.fail(MachineDidNotWake()) }
        }
        return promise.futureResult.map { wake }
    }

    /// The wake id that a waiting call reports; empty for the defect that omits it.
    private func wakeName(_ state: State) -> String {
        switch defect {
        case .wakesNamedApart: "w\(state.wakes)-\(state.waiters.count)"
        case .wakeNamedToSome where state.waiters.count.isMultiple(of: 2): ""
        default: "w\(state.wakes)"
        }
    }

    /// Sends a packet for this call; the packet of the n-th waiting call is delayed by n × 100 ms.
    private func sendDelayedPacket(on loop: any EventLoop) {
        guard let port = variant.packetPort else { return }
        let position = state.withLock { $0.waiters.count }
        loop.scheduleTask(in: .milliseconds(Int64(100 * position))) { self.sendPacket(to: port) }
    }

    private func wakeUp(on loop: any EventLoop, isHeld isHeldByStreams: Bool) {
        let sendsImmediately = defect != .wakesWithoutPacket && defect != .packetPerRequest
        if let port = variant.packetPort, sendsImmediately { sendPacket(to: port) }
        let isHeld = state.withLock { $0.heldCallers > 0 } || isHeldByStreams
        let limit = isHeld ? Self.wakeTime.slow : Self.wakeTime.fast
        let wake = state.withLock { $0.wakes }
        let isSilent = (defect == .silentWhileHeld || defect == .silentDialects) && wake == 1
        loop.scheduleTask(in: isSilent ? Self.wakeTime.silent : limit) {
            // Ends only this wake: the machine may be asleep or in its next wake by now.
            if self.state.withLock({ $0.wakes }) == wake { self.completeBoot(onlyIfComplete: false) }
        }
    }

    /// Marks the machine as awake and serves all calls that wait for it.
    ///
    /// - Parameter onlyIfComplete: does nothing unless ``State/heldCallers`` calls wait and the list was requested twice.
    func completeBoot(onlyIfComplete: Bool) {
        let waiters = state.withLock { state -> [EventLoopPromise<Void>] in
            guard state.big == .waking else { return [] }
            // The silence, or the delayed packets, need the full duration of the wake.
            let isDelayed = defect == .silentWhileHeld || defect == .packetPerRequest
            let isComplete =
                !isDelayed && state.heldCallers > 0
                && state.waiters.count >= state.heldCallers && state.pollsWhileWaking > 1
            guard isComplete || !onlyIfComplete else { return [] }
            state.big = .awake
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.succeed() }
    }

    private func sendPacket(to port: Int) {
        let address: [UInt8] = [0x02, 0, 0, 0, 0, 0x0A]
        let packet =
            [UInt8](repeating: 0xFF, count: 6) + (0..<(defect == .malformedPacket ? 15 : 16)).flatMap { _ in address }
        _ = DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0)
            .flatMapThrowing { ($0, try SocketAddress(ipAddress: "127.0.0.1", port: port)) }
            .flatMap { channel, destination in
                channel.writeAndFlush(AddressedEnvelope(remoteAddress: destination, data: ByteBuffer(bytes: packet)))
                    .flatMap { channel.close() }
            }
    }
}
