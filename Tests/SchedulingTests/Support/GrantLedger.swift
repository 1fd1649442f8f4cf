import SimpleAICore

@testable import Scheduling

/// Records which callers are served while others wait: no caller is overtaken more often than the others' priorities
/// allow.
struct GrantLedger {
    /// The number of calls of each caller that were served while one call waited and its own caller was not served.
    private struct Overtakings {
        /// By calls for the same models, on any runner.
        var alike: [CallerID: Int] = [:]
        /// By any calls, on each runner that could have served it.
        var here: [RunnerID: [CallerID: Int]] = [:]
        /// The same, without counting its own caller's calls on other runners.
        var whateverIsServedElsewhere: [RunnerID: [CallerID: Int]] = [:]
    }

    private var overtakings: [WaiterID: Overtakings] = [:]
    /// How often a caller was overtaken for the first time.
    private(set) var tally: [String: Int] = ["alternated": 0, "alternated on a machine": 0]

    mutating func begins(_ id: WaiterID) { overtakings[id] = Overtakings() }

    mutating func ends(_ id: WaiterID) { overtakings[id] = nil }

    /// Records that a call was served after waiting.
    /// - Parameters:
    ///   - waiting: all other waiting calls.
    ///   - couldServe: whether the runner could have served that call.
    /// - Returns: the rule that was broken.
    mutating func served(
        _ id: WaiterID, _ request: PlacementRequest, on runner: RunnerID, waiting: [WaiterID: PlacementRequest],
        couldServe: (PlacementRequest) -> Bool
    ) -> String? {
        for (other, waiter) in waiting {
            let isAlike =
                waiter.models == request.models && waiter.excluded == request.excluded && waiter.only == request.only
            if waiter.caller == request.caller {
                if isAlike, id.number > other.number { return "first come, first served" }
                overtakings[other]?.alike = [:]
                overtakings[other]?.here = [:]
                overtakings[other]?.whateverIsServedElsewhere[runner] = nil
                continue
            }
            // A round, and one more: of two callers that are due at the same time, the one served last comes second.
            let round = FairQueueClock.round / request.priority.fairQueueCost
            if isAlike {
                let turns = (overtakings[other]?.alike[request.caller] ?? 0) + 1
                if turns == 1 { tally["alternated", default: 0] += 1 }
                if turns > round + 1 { return "callers alternate" }
                overtakings[other]?.alike[request.caller] = turns
            }
            guard couldServe(waiter) else { continue }
            let turns = (overtakings[other]?.here[runner]?[request.caller] ?? 0) + 1
            if turns == 1, !isAlike { tally["alternated on a machine", default: 0] += 1 }
            if turns > round + 1 { return "callers alternate on each machine" }
            overtakings[other]?.here[runner, default: [:]][request.caller] = turns
            let all = (overtakings[other]?.whateverIsServedElsewhere[runner]?[request.caller] ?? 0) + 1
            if all > 4 * round + 1 { return "no caller starves" }
            overtakings[other]?.whateverIsServedElsewhere[runner, default: [:]][request.caller] = all
        }
        return nil
    }
}
