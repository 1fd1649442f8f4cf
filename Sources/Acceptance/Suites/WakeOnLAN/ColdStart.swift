/// Observations while calls waited for a machine that had to wake first, or were served by one that was awake.
struct ColdStart: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// One poll of the model list.
    struct Poll: Sendable {
        let at: Instant
        let took: Duration
        /// Nil if there was no response.
        let state: TargetState?
        let problem: String?
    }

    let target: String
    /// The target's state just before the calls were sent.
    let before: TargetState
    let sent: Instant
    /// The last two request a stream, the others a JSON document.
    let calls: [Result<Exchange, RequestFailed>]
    let polls: [Poll]
    let packets: [PacketListener.Packet]
    /// Whether the suite listened for magic packets.
    let listened: Bool
    /// Whether a command was to put the target to sleep before the calls.
    var hasSleepCommand = false
    /// Why the calls prove nothing about the deployment; nil if they count.
    var unusableTarget: UnusableTarget?

    var wasAsleep: Bool { before.isAsleep }
    var exchanges: [Exchange] { calls.compactMap(\.exchange) }
    var streams: [Exchange] { exchanges.filter(\.request.wantsStream) }

    /// When a poll first showed the target as ready, after the calls were sent.
    var visible: Instant? { polls.first { $0.at > sent && ($0.state == .ready || $0.state == .loadable) }?.at }
    var firstHead: Instant? { exchanges.compactMap(\.head).min() }
    var firstToken: Instant? {
        let streamed = exchanges.compactMap { exchange -> Instant? in
            // `firstFailure` reports why a call failed.
            guard let completion = try? Completion(exchange) else { return nil }
            return completion.firstToken ?? exchange.done
        }
        return streamed.min()
    }
    var done: Instant? { exchanges.filter(\.isSuccess).map(\.done).max() }
    var firstPacket: Instant? { packets.first { $0.at >= sent }?.at }

    /// From the calls until the model list showed a machine that serves the target (± one poll), or until the first
    /// token if that came earlier: a list may lag behind, but a machine that responds is awake.
    var wakeTime: Duration? {
        (visible ?? firstToken).map { min($0, firstToken ?? $0) - sent }
    }

    /// Number of calls with a 2xx response, complete or not.
    var answered: Int { exchanges.count(where: \.isSuccess) }
    /// Number of calls with a complete response.
    var completed: Int { calls.count { (try? $0.completion.get()) != nil } }
    /// Whether the list showed the target asleep and no call for it got a 2xx response.
    var failedToWake: Bool { before == .asleep && answered == 0 }

    /// The finding of checks that examine responses, if no call got a response: `wol.calls.answered` already fails the
    /// run for that. Nil if there are responses.
    var noResponseFinding: Finding? {
        if let unusableTargetFinding { return unusableTargetFinding }
        guard answered == 0 else { return nil }
        return .inconclusive("not decided: no call got a response", following: FailedWakes.check)
    }

    /// The finding of every check if the calls prove nothing about the deployment; nil if they count.
    var unusableTargetFinding: Finding? {
        switch unusableTarget {
        case nil: nil
        case .denied: unusableTarget.map { .skip($0.text) }
        // Not a skip: a run with skips can pass, and its report would then claim that machines wake.
        case .missing:
            unusableTarget.map { .inconclusive("not decided: \($0.text); set --model or --wol-model to another") }
        }
    }

    /// The first call without a complete response: the problem and its evidence.
    var firstFailure: (problem: ResponseProblem, evidence: Evidence)? {
        for call in calls {
            if case .failure(let problem) = call.completion {
                return (problem, call.evidence(expected: "200 and a complete response"))
            }
        }
        return nil
    }

    /// The finding of the wake checks if nothing proves that the target slept; nil if it slept.
    var unprovenSleepFinding: Finding? {
        if let unusableTargetFinding { return unusableTargetFinding }
        guard wasAsleep else {
            return .inconclusive(
                Self.notAsleep("\(target) was \(before.rawValue)", in: before, hasSleepCommand: hasSleepCommand))
        }
        return isNeverListed ? neverListed : nil
    }

    /// That the target did not sleep, and what the user can do about it.
    static func notAsleep(_ observation: String, in state: TargetState, hasSleepCommand: Bool) -> String {
        let advice =
            switch (state, hasSleepCommand) {
            case (.down, _): "its machine is on, its engine does not respond; suspend the machine, not only the engine"
            case (_, true): "--sleep-command was run, and the machine is still listed as awake"
            case (_, false): "put it to sleep, or set --sleep-command CMD"
            }
        return "no machine was asleep (\(observation)): \(advice)"
    }

    /// Whether the list lacks the target before and after the calls, and nothing else shows that it slept: it may have been
    /// awake. A wake id in a response, or a magic packet, proves that it slept.
    private var isNeverListed: Bool {
        before == .absent && visible == nil && wakeIDs.isEmpty && firstPacket == nil
    }

    private var neverListed: Finding {
        .inconclusive(
            "nothing shows that \(target) slept: the model list has it neither before nor after the calls; "
                + "set --model or --wol-model to a listed target")
    }

    /// The finding for the target's state in the list that was read after the calls.
    func finding(after state: TargetState, evidence: Evidence) -> Finding {
        if let unusableTargetFinding { return unusableTargetFinding }
        guard state != .ready, state != .loadable else {
            return .pass("\(target) went from \(before.rawValue) to \(state.rawValue)")
        }
        if var finding = noResponseFinding {
            finding.summary += ", and the list shows \(target) as \(state.rawValue)"
            return finding
        }
        // A list that never contains the target is no evidence about it.
        if state == .absent, before == .absent {
            return .inconclusive("not decided: the model list has \(target) neither before nor after the calls")
        }
        return .fail("after the calls, the list shows \(target) as \(state.rawValue)", evidence)
    }
}
