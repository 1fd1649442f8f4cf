/// Wake-on-LAN: a call for a model on a sleeping machine wakes it once and is served.
///
/// A run may find the machine asleep only once, so all checks of a wake share one cold start: ten concurrent calls, two of
/// them streaming, while the model list is polled.
struct WakeOnLANTest: AcceptanceTest {
    static let name = TestName.wakeOnLAN

    let session: Session
    private let before = Once<ModelList>()
    private let sleeping = Once<TargetState>()
    private let unknown = Once<UnknownClass>()
    private let cold = Once<ColdStart>()
    private let warm = Once<[Result<Exchange, RequestFailed>]>()

    init(session: Session) { self.session = session }

    var options: SuiteOptions.WakeOnLAN { session.options.wakeOnLAN }
    var target: String { options.model }

    /// The effects of a request for a class that does not exist.
    struct UnknownClass: Sendable {
        let exchange: Exchange
        let before: TargetState
        let after: TargetState
        let packets: Int
    }

    func listBefore() async throws -> ModelList {
        try await before.value { try await session.modelList(as: try await session.credential(for: target)) }
    }

    /// The check that reports a sleep command that fails before the first call.
    static let sleepCheck = "wol.sleep.proven"

    /// The sleep command failed before the first call.
    struct SleepCommandFailed: Error {
        let finding: Finding
    }

    /// The target's state before the first call; the machine is put to sleep first if possible.
    ///
    /// - Throws: ``SleepCommandFailed``.
    func stateBefore() async throws -> TargetState {
        try await sleeping.value {
            let state = try await listBefore().state(of: target)
            guard !state.isAsleep, let putToSleep = options.putToSleep else { return state }
            session.progress("putting the machine of \(target) to sleep")
            do {
                try await putToSleep()
            } catch let finding as Finding {
                throw SleepCommandFailed(finding: finding)
            }
            return try await stateAfterSleepCommand()
        }
    }

    /// The target's state before the first call, for checks that do not report a failed sleep command: their finding refers
    /// to the one that does.
    private func stateBeforeCalls() async throws -> TargetState {
        do {
            return try await stateBefore()
        } catch let failed as SleepCommandFailed {
            guard session.options.selects(Self.sleepCheck) else { throw failed.finding }
            throw Finding.inconclusive(
                "not decided: --sleep-command failed, see \(Self.sleepCheck)", following: Self.sleepCheck)
        }
    }

    /// The target's state once it sleeps, or after ``SuiteOptions/WakeOnLAN/sleepTimeout``.
    func stateAfterSleepCommand() async throws -> TargetState {
        let credential = try await session.credential(for: target)
        let limit = ContinuousClock.now + options.sleepTimeout
        while true {
            let state = try await session.modelList(as: credential).state(of: target)
            if state.isAsleep || ContinuousClock.now >= limit { return state }
            session.progress("waiting until \(target) is asleep (\(state.rawValue))")
            try await Task.sleep(for: options.pollInterval)
        }
    }

    /// Requests a class that does not exist while the target still sleeps, and observes whether anything woke.
    func unknownClass() async throws -> UnknownClass {
        try await unknown.value {
            let before = try await stateBeforeCalls()
            let caller = try await session.tokens.credential(.basic)
            let reader = try await session.credential(for: target)
            return try await PacketListener.listening(on: options.packetPort) { listener in
                let exchange = try await session.chat("class:no-such-\(session.nonce())", as: caller)
                // A wake that was started by mistake appears in the list immediately, as `waking`.
                var after = before
                for _ in 0..<4 {
                    try await Task.sleep(for: options.pollInterval)
                    after = try await session.modelList(as: reader).state(of: target)
                    if after != before { break }
                }
                return UnknownClass(
                    exchange: exchange, before: before, after: after, packets: listener?.packets.count ?? 0)
            }
        }
    }

    /// Sends the concurrent calls for the target and records all observations until they are completed.
    func coldStart() async throws -> ColdStart {
        try await cold.value {
            let before = try await stateBeforeCalls()
            let list = try await listBefore()
            let caller = try await session.credential(for: target)
            let requests = try (0..<options.callers).map {
                try session.chatRequest(target, as: caller, stream: $0 >= options.callers - 2)
            }
            return try await PacketListener.listening(on: options.packetPort) { listener in
                let sent = ContinuousClock.now
                let (calls, polls) = try await sendAndPoll(requests, since: sent, reader: caller)
                var cold = ColdStart(
                    target: target, before: before, sent: sent, calls: calls, polls: polls,
                    packets: listener?.packets ?? [], listened: listener != nil,
                    hasSleepCommand: options.putToSleep != nil)
                cold.unusableTarget = try await session.usabilityProblem(
                    of: target, isNamed: options.targetSource == .named, calls: calls, list: list)
                if cold.failedToWake, cold.unusableTarget == nil, session.options.selects(FailedWakes.check) {
                    session.failedWakes.note(target)
                }
                return cold
            }
        }
    }

    /// Five calls, one after the other, once the machine is up.
    func warmCalls() async throws -> [Result<Exchange, RequestFailed>] {
        try await warm.value {
            _ = try await coldStart()
            let caller = try await session.credential(for: target)
            var results: [Result<Exchange, RequestFailed>] = []
            for number in 1...5 {
                session.progress("warm call \(number) of 5")
                results.append(try await session.outcome(of: session.chatRequest(target, as: caller, stream: true)))
            }
            return results
        }
    }

    private enum ColdStartPart: Sendable {
        case calls([Result<Exchange, RequestFailed>])
        case polls([ColdStart.Poll])
    }

    /// Sends all requests and polls the model list until they are completed and the target is listed as up.
    private func sendAndPoll(
        _ requests: [APIRequest], since sent: ContinuousClock.Instant, reader: Credential
    ) async throws -> ([Result<Exchange, RequestFailed>], [ColdStart.Poll]) {
        try await withThrowingTaskGroup(of: ColdStartPart.self) { group in
            let settled = CompletionFlag()
            group.addTask {
                let calls = try await session.sendAll(requests)
                await settled.settle()
                return .calls(calls)
            }
            group.addTask { .polls(try await poll(since: sent, reader: reader, settled: settled)) }
            var calls: [Result<Exchange, RequestFailed>] = []
            var polls: [ColdStart.Poll] = []
            for try await part in group {
                switch part {
                case .calls(let responses): calls = responses
                case .polls(let seen): polls = seen
                }
            }
            return (calls, polls)
        }
    }

    /// Signals the poller that all calls are completed. An actor only to protect its state: nothing in it blocks.
    private actor CompletionFlag {
        private(set) var at: ContinuousClock.Instant?
        func settle() { at = .now }
    }

    private func poll(
        since sent: ContinuousClock.Instant, reader: Credential, settled: CompletionFlag
    ) async throws -> [ColdStart.Poll] {
        var polls: [ColdStart.Poll] = []
        while true {
            let poll = try await pollOnce(reader: reader)
            polls.append(poll)
            let state = poll.state?.rawValue ?? "unknown"
            session.progress(
                "\(target) is \(state), \((ContinuousClock.now - sent).readable) since the calls were sent")
            // Once all calls are completed, a list that lags gets two more seconds.
            if let at = await settled.at, poll.state == .ready || ContinuousClock.now - at > .seconds(2) {
                return polls
            }
            try await Task.sleep(for: options.pollInterval)
        }
    }

    private func pollOnce(reader: Credential) async throws -> ColdStart.Poll {
        let started = ContinuousClock.now
        do {
            let list = try await session.modelList(as: reader, timeout: min(session.timeout, .seconds(30)))
            return .init(at: .now, took: .now - started, state: list.state(of: target), problem: nil)
        } catch let finding as Finding {
            return .init(at: .now, took: .now - started, state: nil, problem: finding.summary)
        } catch let failed as RequestFailed {
            return .init(at: .now, took: .now - started, state: nil, problem: "\(failed.failure)")
        }
    }
}
