import Foundation

/// Whether consecutive calls went to the runners in round-robin order.
struct RoundRobinJudgement: Sendable, Equatable {
    let requests: Int
    let runners: Int
    /// The first call (counted from 1) that breaks the order, if one does.
    let firstBreak: Int?
    /// Number of different runners.
    let seen: Int
    /// Whether every block has the same order as the first.
    let isCyclic: Bool

    /// Consecutive blocks of `runners` calls must each contain every runner once; the last block may be incomplete.
    init(_ picks: [String], runners: Int) {
        requests = picks.count
        self.runners = runners
        seen = Set(picks).count
        var firstBreak: Int?
        for start in stride(from: 0, to: picks.count, by: max(1, runners)) where firstBreak == nil {
            var block: Set<String> = []
            for index in start..<min(start + runners, picks.count) where !block.insert(picks[index]).inserted {
                firstBreak = index + 1
                break
            }
        }
        self.firstBreak = firstBreak
        isCyclic = firstBreak == nil && picks.indices.dropFirst(runners).allSatisfy { picks[$0] == picks[$0 - runners] }
    }

    var isRoundRobin: Bool { firstBreak == nil && seen > 1 }
    var isOneRunner: Bool { seen == 1 }

    /// Probability that independent, uniform choices produce this result.
    var probabilityByChance: Double {
        isCyclic
            ? Self.cyclicProbability(runners: runners, requests: requests)
            : Self.permutationProbability(runners: runners, requests: requests)
    }

    /// Probability that every full block is a permutation of the runners and the rest is distinct: `(k!/k^k)` for each
    /// full block, `k!/((k−r)! k^r)` for a rest of `r`.
    static func permutationProbability(runners: Int, requests: Int) -> Double {
        guard runners > 1 else { return 1 }
        return (0..<requests).reduce(1) { $0 * Double(runners - $1 % runners) / Double(runners) }
    }

    /// Probability that the calls follow one cyclic order: `k^−(N−1)` for each of the `(k−1)!` orders.
    static func cyclicProbability(runners: Int, requests: Int) -> Double {
        guard runners > 1, requests > 0 else { return 1 }
        // With fewer calls than runners, any sequence of different runners is in order.
        guard requests >= runners else { return permutationProbability(runners: runners, requests: requests) }
        return min(1, exp(lgamma(Double(runners))) * pow(Double(runners), -Double(requests - 1)))
    }
}
