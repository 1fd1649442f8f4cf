/// What was seen while calls were held for a machine that may have to wake first.
struct ColdStart: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// One look at the model list.
    struct Poll: Sendable {
        let at: Instant
        let took: Duration
        /// Nil when the list did not answer.
        let state: TargetState?
        let problem: String?
    }

    let target: String
    /// The target's state just before the calls were sent.
    let before: TargetState
    let sent: Instant
    /// The first half of the callers ask plainly, the last two for a stream.
    let calls: [Result<Exchange, RequestFailed>]
    let polls: [Poll]
    let packets: [PacketListener.Packet]
    let listened: Bool

    var wasAsleep: Bool { before.isAsleep }
    var exchanges: [Exchange] { calls.compactMap(\.exchange) }
    var streams: [Exchange] { exchanges.filter(\.request.wantsStream) }

    /// When a poll first saw the target ready, after the calls were sent.
    var visible: Instant? { polls.first { $0.at > sent && ($0.state == .ready || $0.state == .loadable) }?.at }
    var firstHead: Instant? { exchanges.compactMap(\.head).min() }
    var firstToken: Instant? {
        let streamed = exchanges.compactMap { exchange -> Instant? in
            // Why a call failed is told by `firstFailure`.
            guard let completion = try? Completion(exchange) else { return nil }
            return completion.firstToken ?? exchange.done
        }
        return streamed.min()
    }
    var done: Instant? { exchanges.filter(\.isSuccess).map(\.done).max() }
    var firstPacket: Instant? { packets.first { $0.at >= sent }?.at }

    /// From the calls until the model list showed a machine that serves the target (± one poll), or until the first
    /// token when that came earlier: a list may lag behind, but a machine that says something is awake.
    var wakeTime: Duration? {
        (visible ?? firstToken).map { min($0, firstToken ?? $0) - sent }
    }

    /// How many calls got a 2xx, be it a whole completion or not.
    var answered: Int { exchanges.count(where: \.isSuccess) }

    /// What a check says that judges answers when there is none: that this is wrong is the business of
    /// `wol.calls.answered`, which fails the run. Nil when there is something to judge.
    var unanswered: Finding? { answered == 0 ? .inconclusive("not decided: no call was answered") : nil }

    /// A sentence about the first call that got no answer or a bad one, and its evidence.
    var firstFailure: (problem: AnswerProblem, evidence: Evidence)? {
        for call in calls {
            if case .failure(let problem) = call.completion {
                return (problem, call.evidence(expected: "200 and a whole completion"))
            }
        }
        return nil
    }

    /// Why the wake checks cannot be decided, as a finding to throw; nil when the target slept.
    var notAsleep: Finding? {
        guard !wasAsleep else { return nil }
        return .inconclusive(
            "nothing was asleep (\(target) was \(before.rawValue)): put it to sleep, or --sleep-command CMD")
    }
}
