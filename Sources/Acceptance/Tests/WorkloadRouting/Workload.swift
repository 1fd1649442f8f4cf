/// The calls of one phase of the workload test, with who served each.
struct Workload: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// One call that got an answer from a runner that named itself.
    struct Dispatch: Sendable {
        let runner: String
        let start: Instant
        let end: Instant
    }

    let workers: Int
    let calls: [Result<Exchange, RequestFailed>]
    /// In the order in which the calls were sent.
    let dispatches: [Dispatch]
    let started: Instant
    let ended: Instant

    init(
        workers: Int, calls: [Result<Exchange, RequestFailed>], runnerHeader: String?, started: Instant, ended: Instant
    ) {
        self.workers = workers
        self.calls = calls
        self.started = started
        self.ended = ended
        dispatches = calls.compactMap { call in
            guard let exchange = call.exchange, exchange.isSuccess,
                let runner = Served(exchange, runnerHeader: runnerHeader).runner
            else { return nil }
            return Dispatch(runner: runner, start: exchange.sent ?? exchange.started, end: exchange.done)
        }
    }

    /// How many calls each runner served.
    var counts: [String: Int] { dispatches.reduce(into: [:]) { $0[$1.runner, default: 0] += 1 } }

    /// Completed calls per second.
    var throughput: Double {
        let seconds = (ended - started).inSeconds
        return seconds > 0 ? Double(calls.count { (try? $0.completion.get()) != nil }) / seconds : 0
    }

    /// The counts in words: `r1 4, r2 3, r3 3`.
    var countsInWords: String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

/// How calls were spread over runners that were busy at the time. Pure: figures in, judgement out.
struct LoadJudgement: Sendable, Equatable {
    enum Verdict: Sendable, Equatable {
        case workConserving, equalShares, unbalanced, undecidable
    }

    /// Dispatches whose alternatives are known for certain.
    let decidable: Int
    /// Of these: to a busy runner while another one was idle.
    let pastIdle: Int
    /// Probability of shares at least this uneven, were they equal.
    let chance: Double
    /// The largest relative deviation of a share from an equal one.
    let deviation: Double

    /// Shares that differ less than this from equal ones are never blamed, however many calls show it.
    static let effectFloor = 0.25
    /// What share of dispatches may go past an idle runner: the client's clock sees ends later than the gateway does.
    static let pastIdleLimit = 0.1

    /// - Parameters:
    ///   - runners: how many could have served, seen or not.
    ///   - tolerance: what lies closer together than this happened at once.
    init(_ dispatches: [Workload.Dispatch], runners: Int, tolerance: Duration = .milliseconds(10)) {
        let names = Set(dispatches.map(\.runner))
        let unseen = max(0, runners - names.count)
        var decidable = 0
        var pastIdle = 0
        for (index, dispatch) in dispatches.enumerated() {
            var certainlyBusy: Set<String> = []
            var maybeBusy: Set<String> = []
            for (other, earlier) in dispatches.enumerated() where other != index {
                let began = earlier.start <= dispatch.start + tolerance
                guard began, earlier.end >= dispatch.start - tolerance else { continue }
                maybeBusy.insert(earlier.runner)
                if earlier.start + tolerance < dispatch.start, earlier.end - tolerance > dispatch.start {
                    certainlyBusy.insert(earlier.runner)
                }
            }
            let someoneIdle = unseen > 0 || names.contains { $0 != dispatch.runner && !maybeBusy.contains($0) }
            let toBusy = certainlyBusy.contains(dispatch.runner)
            guard toBusy || !maybeBusy.contains(dispatch.runner) else { continue }
            decidable += 1
            if toBusy, someoneIdle { pastIdle += 1 }
        }
        let counts = dispatches.reduce(into: [String: Int]()) { $0[$1.runner, default: 0] += 1 }
        let all = Array(counts.values) + Array(repeating: 0, count: unseen)
        self.decidable = decidable
        self.pastIdle = pastIdle
        guard all.count > 1, !dispatches.isEmpty else {
            chance = 1
            deviation = 0
            return
        }
        chance = Statistics.chiSquareTail(
            Statistics.chiSquare(ofEqualShares: all), degreesOfFreedom: all.count - 1)
        let expected = Double(dispatches.count) / Double(all.count)
        deviation = all.map { abs(Double($0) - expected) / expected }.max() ?? 0
    }

    var verdict: Verdict {
        let uneven = chance < Statistics.risk && deviation > Self.effectFloor
        if !uneven { return .equalShares }
        guard decidable >= 10 else { return .undecidable }
        return Double(pastIdle) <= Self.pastIdleLimit * Double(decidable) ? .workConserving : .unbalanced
    }
}

/// Whether calls that came one after the other went to the runners in turn.
struct TurnJudgement: Sendable, Equatable {
    let requests: Int
    let runners: Int
    /// The first call (from 1) that breaks the turn, if one does.
    let firstBreak: Int?
    let seen: Int

    /// Consecutive blocks of `runners` calls must each hold every runner once; the last block may be incomplete.
    init(_ order: [String], runners: Int) {
        requests = order.count
        self.runners = runners
        seen = Set(order).count
        var firstBreak: Int?
        for start in stride(from: 0, to: order.count, by: max(1, runners)) where firstBreak == nil {
            var block: Set<String> = []
            for index in start..<min(start + runners, order.count) where !block.insert(order[index]).inserted {
                firstBreak = index + 1
                break
            }
        }
        self.firstBreak = firstBreak
    }

    var isInTurn: Bool { firstBreak == nil && seen > 1 }
    var isOneRunner: Bool { seen == 1 }

    /// Probability that independent choices would look in turn: every full block a permutation, the rest distinct.
    var odds: Double {
        guard runners > 1 else { return 1 }
        var odds = 1.0
        for index in 0..<requests {
            odds *= Double(runners - index % runners) / Double(runners)
        }
        return odds
    }
}
