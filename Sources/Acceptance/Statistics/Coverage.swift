import Foundation

/// Number of requests after which every runner should have been seen: the coupon collector's problem.
enum Coverage {
    /// Probability that `requests` independent, uniform choices leave out at least one of `runners` runners: inclusion
    /// and exclusion over the runners left out (de Moivre 1711; Feller 1968, IV.2).
    static func missProbability(runners: Int, requests: Int) -> Double {
        guard runners > 1 else { return requests > 0 ? 0 : 1 }
        guard requests >= runners else { return 1 }
        var probability = 0.0
        var ways = 1.0
        for missing in 1..<runners {
            ways = ways * Double(runners - missing + 1) / Double(missing)
            let term = ways * pow(1 - Double(missing) / Double(runners), Double(requests))
            probability += missing.isMultiple(of: 2) ? -term : term
        }
        return min(1, max(0, probability))
    }

    /// The default number of requests: enough to judge `runners` runners, and a multiple of their number, so that equal
    /// shares are possible. 12, 21, 32 and 72 for 2, 3, 4 and 8 runners; at most ``maxRequests``.
    static func decisiveRequests(runners: Int) -> Int {
        let runners = min(max(2, runners), maxRequests)
        let needed = requestsNeeded(runners: runners)
        return min(maxRequests, (needed + runners - 1) / runners * runners)
    }

    /// Maximum of the default; the operator may request more.
    static let maxRequests = 400

    /// The smallest number of requests that leaves out a runner with a probability of at most `risk`. 11, 20, 29 and 68
    /// for 2, 3, 4 and 8 runners at 0.001.
    static func requestsNeeded(runners: Int, risk: Double = Statistics.risk) -> Int {
        guard runners > 1 else { return 1 }
        // Boole's inequality bounds the probability by its first term, which can be solved for the number of requests.
        let count = Double(runners)
        var requests = Int((log(risk / count) / log(1 - 1 / count)).rounded(.up))
        while requests > runners, missProbability(runners: runners, requests: requests - 1) <= risk { requests -= 1 }
        return requests
    }
}
