/// The recent usage of each key (a caller or an address), and what remains of its limits.
///
/// Pure: time is an argument. Stores a bounded number of keys; the least recent ones are forgotten with what they have
/// spent. Open calls are counted separately and never forgotten: they have at most as many keys as there are open
/// calls.
public struct CallLedger<Key: Hashable & Sendable>: Sendable {
    public typealias Instant = ContinuousClock.Instant

    private struct Account {
        var requests = AllowanceUsage()
        var tokens = AllowanceUsage()
    }

    private let capacity: Int
    private let start: Instant
    /// Two generations: a full younger one becomes the older, and the previous older one is dropped.
    private var accounts: [Key: Account] = [:]
    private var olderAccounts: [Key: Account] = [:]
    private var openCalls: [Key: Int] = [:]

    /// - Parameters:
    ///   - capacity: maximum number of remembered keys; the latest half is always remembered.
    ///   - start: the origin of time; no `now` is earlier.
    public init(capacity: Int = 16_384, start: Instant) {
        self.capacity = capacity
        self.start = start
    }

    /// Number of remembered keys, and of keys with open calls.
    public var count: (accounts: Int, open: Int) { (accounts.count + olderAccounts.count, openCalls.count) }

    /// What remains of a key's limits, and whether one more call may begin. Changes nothing.
    public func usage(of key: Key, under limits: CallLimits, at now: Instant) -> LimitUsage {
        var usage = LimitUsage()
        let open = openCalls[key] ?? 0
        if limits.concurrentCalls > 0, open >= limits.concurrentCalls { usage.refusal = .concurrentCalls }
        guard limits.requestsPerMinute > 0 || limits.tokensPerDay > 0 else { return usage }
        let account = account(of: key, under: limits, at: now)
        if limits.tokensPerDay > 0 {
            let allowance = Allowance.perDay(limits.tokensPerDay)
            usage.tokens = .init(account.tokens, of: allowance)
            let wait = account.tokens.timeUntilOne(of: allowance)
            if wait > 0 { usage.refusal = .tokensPerDay(retryAfter: .milliseconds(wait)) }
        }
        if limits.requestsPerMinute > 0 {
            let allowance = Allowance.perMinute(limits.requestsPerMinute)
            usage.requests = .init(account.requests, of: allowance)
            let wait = account.requests.timeUntilOne(of: allowance)
            // The longer of two waiting times is reported, so that the first retry after it succeeds.
            if wait > 0, !usage.isRefused(forLongerThan: .milliseconds(wait)) {
                usage.refusal = .requestsPerMinute(retryAfter: .milliseconds(wait))
            }
        }
        return usage
    }

    /// Counts the beginning of a call; each needs a matching `end`.
    /// - Returns: what remains.
    @discardableResult
    public mutating func begin(_ key: Key, under limits: CallLimits, at now: Instant) -> LimitUsage {
        var usage = LimitUsage()
        if limits.concurrentCalls > 0 { openCalls[key, default: 0] += 1 }
        guard limits.requestsPerMinute > 0 || limits.tokensPerDay > 0 else { return usage }
        var account = account(of: key, under: limits, at: now)
        if limits.requestsPerMinute > 0 {
            let allowance = Allowance.perMinute(limits.requestsPerMinute)
            account.requests.spend(1, of: allowance)
            usage.requests = .init(account.requests, of: allowance)
        }
        if limits.tokensPerDay > 0 { usage.tokens = .init(account.tokens, of: .perDay(limits.tokensPerDay)) }
        keep(account, of: key)
        return usage
    }

    /// Counts the end of a call.
    /// - Parameters:
    ///   - limits: as they were when it began.
    ///   - tokens: prompt and completion tokens of the call.
    public mutating func end(_ key: Key, under limits: CallLimits, tokens: Int, at now: Instant) {
        if limits.concurrentCalls > 0, let open = openCalls[key] { openCalls[key] = open > 1 ? open - 1 : nil }
        guard limits.tokensPerDay > 0, tokens > 0 else { return }
        var account = account(of: key, under: limits, at: now)
        account.tokens.spend(tokens, of: .perDay(limits.tokensPerDay))
        keep(account, of: key)
    }

    private func account(of key: Key, under limits: CallLimits, at now: Instant) -> Account {
        let milliseconds = Self.milliseconds(now - start)
        var account = accounts[key] ?? olderAccounts[key] ?? Account()
        account.requests.advance(to: milliseconds, under: .perMinute(limits.requestsPerMinute))
        account.tokens.advance(to: milliseconds, under: .perDay(limits.tokensPerDay))
        return account
    }

    private mutating func keep(_ account: Account, of key: Key) {
        if accounts.updateValue(account, forKey: key) != nil || accounts.count <= capacity / 2 { return }
        accounts[key] = nil
        olderAccounts = accounts
        accounts = [key: account]
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(0, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}

/// The state of a key's limits.
public struct LimitUsage: Hashable, Sendable {
    /// The state of one allowance.
    public struct Share: Hashable, Sendable {
        public let limit: Int
        public let remaining: Int
        /// Time until the whole allowance is available again.
        public let reset: Duration

        init(_ spending: AllowanceUsage, of allowance: Allowance) {
            limit = allowance.units
            remaining = spending.left(of: allowance)
            reset = .milliseconds(spending.timeUntilAll(of: allowance))
        }
    }

    public enum Refusal: Hashable, Sendable {
        case requestsPerMinute(retryAfter: Duration)
        case concurrentCalls
        case tokensPerDay(retryAfter: Duration)

        /// Nil for `concurrentCalls`: when an open call will end is unknown.
        public var retryAfter: Duration? {
            switch self {
            case .requestsPerMinute(let time), .tokensPerDay(let time): time
            case .concurrentCalls: nil
            }
        }
    }

    /// Nil if there is no limit.
    public var requests: Share?
    /// Nil if there is no limit.
    public var tokens: Share?
    /// Why no further call may begin; nil if one may.
    public var refusal: Refusal?

    public init() {}

    func isRefused(forLongerThan time: Duration) -> Bool { refusal?.retryAfter.map { $0 > time } ?? false }
}
