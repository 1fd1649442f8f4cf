import Synchronization

/// Counts every call against the limits of its caller and of its address, and refuses calls beyond them. Only
/// authenticated calls are counted: unauthenticated clients cannot use up a limit.
package final class CallLimiter: Sendable {
    /// The caller and the address that a call counts against, and their limits. Must be passed to `end` when the call ends.
    package struct Admission: Sendable {
        fileprivate let caller: CallerID
        fileprivate let callerLimits: CallLimits
        fileprivate let address: Peer
        fileprivate let addressLimits: CallLimits
    }

    /// The limits that a request counts against.
    package enum Counting: Sendable {
        /// All limits.
        case inference
        /// A query about calls, which uses no tokens: calls per minute and concurrent calls.
        case query
        /// A control-plane request whose body is being read: concurrent calls.
        case body

        package func limits(_ all: CallLimits) -> CallLimits {
            switch self {
            case .inference: all
            case .query:
                CallLimits(requestsPerMinute: all.requestsPerMinute, concurrentCalls: all.concurrentCalls)
            case .body: CallLimits(concurrentCalls: all.concurrentCalls)
            }
        }
    }

    package enum Decision: Sendable {
        case admitted(Admission, LimitUsage)
        case refused(GatewayError, LimitUsage)
    }

    /// Both ledgers share one lock, so that a call counts in both or in neither.
    private struct Ledgers {
        var callers: CallLedger<CallerID>
        var addresses: CallLedger<Peer>
    }

    private let ledgers: Mutex<Ledgers>
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameter now: a monotonic clock.
    package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.now = now
        let start = now()
        ledgers = Mutex(Ledgers(callers: .init(start: start), addresses: .init(start: start)))
    }

    /// Counts a call after authentication.
    /// - Returns: nil if no limit applies; then nothing is recorded.
    package func begin(
        _ caller: Caller, from client: IPAddress?, under rules: LimitRules, counting: Counting = .inference
    ) -> Decision? {
        let (callerLimits, addressLimits) = (
            counting.limits(rules.limits(of: caller)), counting.limits(rules.address)
        )
        guard callerLimits != .none || addressLimits != .none else { return nil }
        let admission = Admission(
            caller: caller.id, callerLimits: callerLimits,
            address: Peer(client), addressLimits: addressLimits)
        let now = now()
        return ledgers.withLock { ledgers in
            let own = ledgers.callers.usage(of: admission.caller, under: callerLimits, at: now)
            let shared = ledgers.addresses.usage(of: admission.address, under: addressLimits, at: now)
            if let error = Self.error(own.refusal, shared.refusal, admission) {
                return .refused(error, own.narrowed(by: shared))
            }
            return .admitted(
                admission,
                ledgers.callers.begin(admission.caller, under: callerLimits, at: now)
                    .narrowed(by: ledgers.addresses.begin(admission.address, under: addressLimits, at: now)))
        }
    }

    /// - Parameter tokens: prompt and completion tokens of the call.
    package func end(_ admission: Admission, tokens: Int) {
        let now = now()
        ledgers.withLock { ledgers in
            ledgers.callers.end(admission.caller, under: admission.callerLimits, tokens: tokens, at: now)
            ledgers.addresses.end(admission.address, under: admission.addressLimits, tokens: tokens, at: now)
        }
    }

    /// The error of the refusal that lasts longer, so that a caller that waits for `Retry-After` is admitted.
    private static func error(
        _ own: LimitUsage.Refusal?, _ shared: LimitUsage.Refusal?, _ admission: Admission
    ) -> GatewayError? {
        let ofCaller = own.map { error($0, admission.callerLimits, "your", "caller") }
        let ofAddress = shared.map { error($0, admission.addressLimits, "your address's", "address") }
        guard let own, let shared else { return ofCaller ?? ofAddress }
        return (shared.retryAfter ?? .zero) > (own.retryAfter ?? .zero) ? ofAddress : ofCaller
    }

    private static func error(
        _ refusal: LimitUsage.Refusal, _ limits: CallLimits, _ possessive: String, _ holderName: String
    ) -> GatewayError {
        func again(_ time: Duration) -> String { "Retry in \(LimitUsage.written(max(time, .seconds(1))))." }
        switch refusal {
        case .requestsPerMinute(let time):
            let limit = counted(limits.requestsPerMinute, "call")
            return GatewayError(
                .rateLimitExceeded, "Rate limit exceeded: \(possessive) limit is \(limit) per minute. \(again(time))",
                retry: .notBefore(time), cause: "requests_per_minute of the \(holderName)")
        case .tokensPerDay(let time):
            let limit = counted(limits.tokensPerDay, "token")
            return GatewayError(
                .rateLimitExceeded, "Rate limit exceeded: \(possessive) limit is \(limit) per day. \(again(time))",
                retry: .notBefore(time), cause: "tokens_per_day of the \(holderName)")
        case .concurrentCalls:
            // The end of a running call is unknown.
            let limit = counted(limits.concurrentCalls, "call")
            return GatewayError(
                .rateLimitExceeded,
                "Rate limit exceeded: \(possessive) limit is \(limit) at the same time. Retry when one has completed.",
                retry: .after(.seconds(1)), cause: "concurrent_calls of the \(holderName)")
        }
    }

    private static func counted(_ number: Int, _ what: String) -> String {
        "\(number) \(what)\(number == 1 ? "" : "s")"
    }
}
