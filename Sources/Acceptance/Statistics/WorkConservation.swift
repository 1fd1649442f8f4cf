/// Whether calls went past runners that had less to do: what a least-busy balancer never does for long, however uneven
/// its shares are (work conservation; Kleinrock 1976, 3.4).
///
/// The client sees a call's beginning a little before the balancer and its end a little after. What lies closer together
/// than the tolerance happened at once, and a dispatch that could be judged either way is not judged.
struct WorkConservation: Sendable, Equatable {
    /// Dispatches whose alternatives are known for certain.
    let decidable: Int
    /// Of these: to a runner that had more to do than another one.
    let misplaced: Int

    /// What share of dispatches may be misplaced: the client's clock sees ends later than the balancer does.
    static let misplacedLimit = 0.1
    /// With fewer decidable dispatches there is nothing to conclude.
    static let dispatchesNeeded = 10
    /// How many more calls per slot than the idlest runner are too many.
    static let surplusLimit = 2.0

    /// - Parameters:
    ///   - runners: how many could have served, seen or not.
    ///   - slots: calls that each runner takes at a time; nil (unknown) counts only dispatches past an idle runner.
    ///   - tolerance: what lies closer together than this happened at once.
    init(
        _ dispatches: [Workload.Dispatch], runners: Int, slots: Int? = nil, tolerance: Duration = .milliseconds(10)
    ) {
        let sorted = dispatches.sorted { $0.start < $1.start }
        let names = Set(sorted.map(\.runner))
        let hasUnseen = runners > names.count
        var decidable = 0
        var misplaced = 0
        var next = 0
        var open: [Workload.Dispatch] = []
        for dispatch in sorted {
            let now = dispatch.start
            while next < sorted.count, sorted[next].start <= now + tolerance {
                open.append(sorted[next])
                next += 1
            }
            open.removeAll { $0.end < now - tolerance }
            let moment = Moment(open, at: now, tolerance: tolerance)
            let others = names.subtracting([dispatch.runner])
            let judgement =
                slots.map { moment.surplus(of: dispatch.runner, over: others, hasUnseen: hasUnseen, slots: $0) }
                ?? moment.passesIdle(dispatch.runner, others: others, hasUnseen: hasUnseen)
            guard let isMisplaced = judgement else { continue }
            decidable += 1
            if isMisplaced { misplaced += 1 }
        }
        self.decidable = decidable
        self.misplaced = misplaced
    }

    /// Nil when too few dispatches could be judged.
    var holds: Bool? {
        guard decidable >= Self.dispatchesNeeded else { return nil }
        return Double(misplaced) <= Self.misplacedLimit * Double(decidable)
    }
}

/// How many calls each runner had when another one was dispatched, at least and at most.
private struct Moment {
    private var certain: [String: Int] = [:]
    /// Includes the dispatch itself, which is open, too.
    private var possible: [String: Int] = [:]

    init(_ open: [Workload.Dispatch], at now: Workload.Instant, tolerance: Duration) {
        for call in open {
            possible[call.runner, default: 0] += 1
            if call.start + tolerance < now, call.end - tolerance > now { certain[call.runner, default: 0] += 1 }
        }
    }

    /// Nil when it cannot be told whether `runner` was busy.
    func passesIdle(_ runner: String, others: Set<String>, hasUnseen: Bool) -> Bool? {
        let wasBusy = certain[runner, default: 0] > 0
        let wasIdle = possible[runner, default: 0] <= 1
        guard wasBusy || wasIdle else { return nil }
        return wasBusy && (hasUnseen || others.contains { possible[$0, default: 0] == 0 })
    }

    /// Whether `runner` had too many more calls per slot than the idlest other; nil when the bounds leave it open.
    func surplus(of runner: String, over others: Set<String>, hasUnseen: Bool, slots: Int) -> Bool? {
        let idlestAtMost = hasUnseen ? 0 : others.map { possible[$0, default: 0] }.min() ?? 0
        let idlestAtLeast = hasUnseen ? 0 : others.map { certain[$0, default: 0] }.min() ?? 0
        let limit = WorkConservation.surplusLimit * Double(max(1, slots))
        if Double(certain[runner, default: 0] - idlestAtMost) >= limit { return true }
        return Double(possible[runner, default: 1] - 1 - idlestAtLeast) < limit ? false : nil
    }
}

/// How calls were spread over runners: by load, or evenly. Either is right; only neither is wrong.
struct LoadJudgement: Sendable, Equatable {
    enum Verdict: Sendable, Equatable {
        case workConserving, equalShares, unbalanced, undecidable
    }

    let conservation: WorkConservation
    let shares: EqualSharesTest

    /// - Parameters:
    ///   - runners: how many could have served, seen or not.
    ///   - slots: calls that each runner takes at a time, where that is known.
    init(_ dispatches: [Workload.Dispatch], runners: Int, slots: Int? = nil) {
        let counts = dispatches.reduce(into: [String: Int]()) { $0[$1.runner, default: 0] += 1 }
        conservation = WorkConservation(dispatches, runners: runners, slots: slots)
        shares = EqualSharesTest(
            Array(counts.values) + Array(repeating: 0, count: max(0, runners - counts.count)))
    }

    var verdict: Verdict {
        guard shares.isUneven else { return .equalShares }
        return conservation.holds.map { $0 ? .workConserving : .unbalanced } ?? .undecidable
    }
}
