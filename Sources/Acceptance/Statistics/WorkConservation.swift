/// How often calls went to runners that had more work than others: a least-busy balancer rarely does this, however
/// uneven its shares are (work conservation; Kleinrock 1976, 3.4).
///
/// The client sees the start of a call slightly before the balancer and its end slightly after. Events closer together
/// than the tolerance count as simultaneous, and ambiguous dispatches are ignored.
struct WorkConservation: Sendable, Equatable {
    /// Number of unambiguous dispatches.
    let decidable: Int
    /// Of these, dispatches to a runner that had more work than another.
    let misplaced: Int

    /// Maximum share of misplaced dispatches: the client sees the end of a call later than the balancer does.
    static let misplacedLimit = 0.1
    /// Minimum number of decidable dispatches for a conclusion.
    static let dispatchesNeeded = 10
    /// Maximum surplus of calls per slot over the idlest runner.
    static let maxSurplus = 2.0

    /// - Parameters:
    ///   - runners: number of runners that could have served, whether observed or not.
    ///   - slots: concurrent calls that each runner accepts; nil (unknown) counts only dispatches that bypass an idle runner.
    ///   - tolerance: events closer together than this count as simultaneous.
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
            let moment = DispatchBounds(open, at: now, tolerance: tolerance)
            let others = names.subtracting([dispatch.runner])
            let judgement =
                slots.map { moment.hasSurplus(of: dispatch.runner, over: others, hasUnseen: hasUnseen, slots: $0) }
                ?? moment.bypassesIdle(dispatch.runner, others: others, hasUnseen: hasUnseen)
            guard let isMisplaced = judgement else { continue }
            decidable += 1
            if isMisplaced { misplaced += 1 }
        }
        self.decidable = decidable
        self.misplaced = misplaced
    }

    /// Whether the balancer is work-conserving; nil if too few dispatches are decidable.
    var isWorkConserving: Bool? {
        guard decidable >= Self.dispatchesNeeded else { return nil }
        return Double(misplaced) <= Self.misplacedLimit * Double(decidable)
    }
}

/// Lower and upper bounds of the calls on each runner at the time of one dispatch.
private struct DispatchBounds {
    private var certain: [String: Int] = [:]
    /// Includes the dispatch itself.
    private var possible: [String: Int] = [:]

    init(_ open: [Workload.Dispatch], at now: Workload.Instant, tolerance: Duration) {
        for call in open {
            possible[call.runner, default: 0] += 1
            if call.start + tolerance < now, call.end - tolerance > now { certain[call.runner, default: 0] += 1 }
        }
    }

    /// Whether the call went to a busy `runner` while another was idle; nil if it is unknown whether `runner` was busy.
    func bypassesIdle(_ runner: String, others: Set<String>, hasUnseen: Bool) -> Bool? {
        let wasBusy = certain[runner, default: 0] > 0
        let wasIdle = possible[runner, default: 0] <= 1
        guard wasBusy || wasIdle else { return nil }
        return wasBusy && (hasUnseen || others.contains { possible[$0, default: 0] == 0 })
    }

    /// Whether `runner` has at least ``WorkConservation/maxSurplus`` calls per slot more than the idlest other runner; nil
    /// if the bounds do not decide.
    func hasSurplus(of runner: String, over others: Set<String>, hasUnseen: Bool, slots: Int) -> Bool? {
        let idlestAtMost = hasUnseen ? 0 : others.map { possible[$0, default: 0] }.min() ?? 0
        let idlestAtLeast = hasUnseen ? 0 : others.map { certain[$0, default: 0] }.min() ?? 0
        let limit = WorkConservation.maxSurplus * Double(max(1, slots))
        if Double(certain[runner, default: 0] - idlestAtMost) >= limit { return true }
        return Double(possible[runner, default: 1] - 1 - idlestAtLeast) < limit ? false : nil
    }
}

/// How calls were distributed over runners: to the least busy one, or evenly. Both are correct; any other distribution is a
/// fault.
struct LoadJudgement: Sendable, Equatable {
    enum Verdict: Sendable, Equatable {
        case workConserving, equalShares, unbalanced, undecidable
    }

    let conservation: WorkConservation
    let shares: EqualSharesTest

    /// - Parameters:
    ///   - runners: number of runners that could have served, whether observed or not.
    ///   - slots: concurrent calls that each runner accepts, if known.
    init(_ dispatches: [Workload.Dispatch], runners: Int, slots: Int? = nil) {
        let counts = dispatches.reduce(into: [String: Int]()) { $0[$1.runner, default: 0] += 1 }
        conservation = WorkConservation(dispatches, runners: runners, slots: slots)
        shares = EqualSharesTest(
            Array(counts.values) + Array(repeating: 0, count: max(0, runners - counts.count)))
    }

    var verdict: Verdict {
        guard shares.isUneven else { return .equalShares }
        return conservation.isWorkConserving.map { $0 ? .workConserving : .unbalanced } ?? .undecidable
    }
}
