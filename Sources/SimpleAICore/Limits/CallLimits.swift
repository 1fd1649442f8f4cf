/// The limits of one caller or one address. Zero means no limit.
public struct CallLimits: Hashable, Sendable {
    /// Calls per minute, in one burst or evenly.
    public var requestsPerMinute: Int
    /// Maximum number of concurrent calls, including waiting ones.
    public var concurrentCalls: Int
    /// Prompt and completion tokens per day, in one burst or evenly.
    public var tokensPerDay: Int

    public static let none = CallLimits()

    public init(requestsPerMinute: Int = 0, concurrentCalls: Int = 0, tokensPerDay: Int = 0) {
        self.requestsPerMinute = requestsPerMinute
        self.concurrentCalls = concurrentCalls
        self.tokensPerDay = tokensPerDay
    }
}

/// The limits of one entry of `policies`; nil if it states none.
public struct GrantedLimits: Hashable, Sendable {
    public var requestsPerMinute: Int?
    public var concurrentCalls: Int?
    public var tokensPerDay: Int?

    public init(requestsPerMinute: Int? = nil, concurrentCalls: Int? = nil, tokensPerDay: Int? = nil) {
        self.requestsPerMinute = requestsPerMinute
        self.concurrentCalls = concurrentCalls
        self.tokensPerDay = tokensPerDay
    }

    var hasLimits: Bool { self != GrantedLimits() }
}

/// The limits that apply to callers and addresses.
public struct LimitRules: Hashable, Sendable {
    /// For each address, over all of its callers.
    public let address: CallLimits
    private let caller: CallLimits
    private let grants: [AccessGrant]

    /// - Parameters:
    ///   - caller: for each caller whose grants state no limits.
    ///   - grants: the policies; those that state limits apply.
    public init(caller: CallLimits = .none, address: CallLimits = .none, grants: [AccessGrant] = []) {
        self.caller = caller
        self.address = address
        self.grants = grants.filter(\.limits.hasLimits)
    }

    /// Each limit that the grants of the caller's roles state overrides the general one; of several, the most generous
    /// applies.
    public func limits(of caller: Caller) -> CallLimits {
        if grants.isEmpty { return self.caller }
        let stated = grants.lazy.filter { $0.applies(to: caller) }.map(\.limits)
        return CallLimits(
            requestsPerMinute: Self.mostGenerous(stated.compactMap(\.requestsPerMinute))
                ?? self.caller.requestsPerMinute,
            concurrentCalls: Self.mostGenerous(stated.compactMap(\.concurrentCalls)) ?? self.caller.concurrentCalls,
            tokensPerDay: Self.mostGenerous(stated.compactMap(\.tokensPerDay)) ?? self.caller.tokensPerDay)
    }

    private static func mostGenerous(_ numbers: some Sequence<Int>) -> Int? {
        numbers.max { $1 == 0 ? $0 != 0 : $0 != 0 && $0 < $1 }
    }
}
