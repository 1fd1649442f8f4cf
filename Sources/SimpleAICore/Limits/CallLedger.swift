/// What each of many keys (callers, or addresses) has asked for lately, and what is left to it.
///
/// Pure: the time is told. Holds a bounded number of keys, and the least recent are dropped, which forgives them what they
/// have spent. Calls that are open are counted apart and never dropped: there are no more keys with one than open calls.
public struct CallLedger<Key: Hashable & Sendable>: Sendable {
    public typealias Instant = ContinuousClock.Instant

    private struct Account {
        var requests = Spending()
        var tokens = Spending()
    }

    private let capacity: Int
    private let start: Instant
    /// Two generations: when the younger is full, it becomes the older, and what was the older is gone.
    private var accounts: [Key: Account] = [:]
    private var olderAccounts: [Key: Account] = [:]
    private var openCalls: [Key: Int] = [:]

    /// - Parameters:
    ///   - capacity: keys that are remembered at most; the latest half of them always are.
    ///   - start: no time that is told lies before it.
    public init(capacity: Int = 16_384, start: Instant) {
        self.capacity = capacity
        self.start = start
    }

    /// Keys that are remembered, and keys with open calls.
    public var count: (accounts: Int, open: Int) { (accounts.count + olderAccounts.count, openCalls.count) }

    /// What is left to a key, and whether one more call may begin. Changes nothing but what time has changed.
    public mutating func standing(of key: Key, under limits: CallLimits, at now: Instant) -> LimitStanding {
        var standing = LimitStanding()
        let open = openCalls[key] ?? 0
        if limits.concurrentCalls > 0, open >= limits.concurrentCalls { standing.refusal = .concurrentCalls }
        guard limits.requestsPerMinute > 0 || limits.tokensPerDay > 0 else { return standing }
        let account = account(of: key, under: limits, at: now)
        if limits.tokensPerDay > 0 {
            let allowance = Allowance.perDay(limits.tokensPerDay)
            standing.tokens = .init(account.tokens, of: allowance)
            let wait = account.tokens.timeUntilOne(of: allowance)
            if wait > 0 { standing.refusal = .tokensPerDay(retryAfter: .milliseconds(wait)) }
        }
        if limits.requestsPerMinute > 0 {
            let allowance = Allowance.perMinute(limits.requestsPerMinute)
            standing.requests = .init(account.requests, of: allowance)
            let wait = account.requests.timeUntilOne(of: allowance)
            // Whoever waits for the longer of two is served the first time that it tries again.
            if wait > 0, !standing.isRefused(forLongerThan: .milliseconds(wait)) {
                standing.refusal = .requestsPerMinute(retryAfter: .milliseconds(wait))
            }
        }
        return standing
    }

    /// A call begins. Every one that begins has to end.
    /// - Returns: what is left.
    @discardableResult
    public mutating func begin(_ key: Key, under limits: CallLimits, at now: Instant) -> LimitStanding {
        var standing = LimitStanding()
        if limits.concurrentCalls > 0 { openCalls[key, default: 0] += 1 }
        guard limits.requestsPerMinute > 0 || limits.tokensPerDay > 0 else { return standing }
        var account = account(of: key, under: limits, at: now)
        if limits.requestsPerMinute > 0 {
            let allowance = Allowance.perMinute(limits.requestsPerMinute)
            account.requests.spend(1, of: allowance)
            standing.requests = .init(account.requests, of: allowance)
        }
        if limits.tokensPerDay > 0 { standing.tokens = .init(account.tokens, of: .perDay(limits.tokensPerDay)) }
        keep(account, of: key)
        return standing
    }

    /// A call has ended.
    /// - Parameters:
    ///   - limits: as they were when it began.
    ///   - tokens: what it took and made.
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

/// How somebody stands with its limits.
public struct LimitStanding: Hashable, Sendable {
    /// Of one allowance.
    public struct Share: Hashable, Sendable {
        public let limit: Int
        public let remaining: Int
        /// Until all of it is there again.
        public let reset: Duration

        init(_ spending: Spending, of allowance: Allowance) {
            limit = allowance.units
            remaining = spending.left(of: allowance)
            reset = .milliseconds(spending.timeUntilAll(of: allowance))
        }
    }

    public enum Refusal: Hashable, Sendable {
        case requestsPerMinute(retryAfter: Duration)
        case concurrentCalls
        case tokensPerDay(retryAfter: Duration)

        /// Nil: nobody knows when a call ends.
        public var retryAfter: Duration? {
            switch self {
            case .requestsPerMinute(let time), .tokensPerDay(let time): time
            case .concurrentCalls: nil
            }
        }
    }

    /// Nil where there is no limit.
    public var requests: Share?
    /// Nil where there is no limit.
    public var tokens: Share?
    /// Why no further call may begin; nil: it may.
    public var refusal: Refusal?

    public init() {}

    func isRefused(forLongerThan time: Duration) -> Bool { refusal?.retryAfter.map { $0 > time } ?? false }
}
