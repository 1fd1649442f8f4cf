import Synchronization

/// Counts the refusals of every plane: requests beyond a shared limit, and invalid credentials.
package final class AdmissionMetrics: MetricSource {
    private struct Counts {
        var refusedTokens: [Bool: Int] = [:]
        var refusedShares: [SharedBound: Int] = [:]
    }

    private let counts = Mutex(Counts())

    package init() {}

    /// - Parameter isThrottled: whether the client got only a 429.
    package func tokenWasRefused(isThrottled: Bool) {
        counts.withLock { $0.refusedTokens[isThrottled, default: 0] += 1 }
    }

    /// Counts a request for a shared resource that was refused.
    package func shareWasRefused(_ bound: SharedBound) {
        counts.withLock { $0.refusedShares[bound, default: 0] += 1 }
    }

    package func write(to page: inout ExpositionPage) {
        let counts = counts.withLock { $0 }
        page.metric(
            "simpleai_limit_rejections_total", .counter,
            "Total number of requests rejected at a shared limit, by limit."
        ) {
            for bound in SharedBound.allCases { $0.sample(["limit": bound.rawValue], counts.refusedShares[bound] ?? 0) }
        }
        page.metric(
            "simpleai_authentication_failures_total", .counter, "Total number of authentication failures, by result."
        ) {
            $0.sample(["result": "refused"], counts.refusedTokens[false] ?? 0)
            $0.sample(["result": "throttled"], counts.refusedTokens[true] ?? 0)
        }
    }
}
