/// How much one caller, or one address, may ask for. Zero is any number.
public struct CallLimits: Hashable, Sendable {
    /// Calls, all at once or spread over a minute.
    public var requestsPerMinute: Int
    /// Calls that are open at the same time, those that wait for a machine included.
    public var concurrentCalls: Int
    /// Tokens that engines took and made, all at once or spread over a day.
    public var tokensPerDay: Int

    public static let none = CallLimits()

    public init(requestsPerMinute: Int = 0, concurrentCalls: Int = 0, tokensPerDay: Int = 0) {
        self.requestsPerMinute = requestsPerMinute
        self.concurrentCalls = concurrentCalls
        self.tokensPerDay = tokensPerDay
    }
}

/// The limits that one entry of `policies` states; nil where it says nothing.
public struct GrantedLimits: Hashable, Sendable {
    public var requestsPerMinute: Int?
    public var concurrentCalls: Int?
    public var tokensPerDay: Int?

    public init(requestsPerMinute: Int? = nil, concurrentCalls: Int? = nil, tokensPerDay: Int? = nil) {
        self.requestsPerMinute = requestsPerMinute
        self.concurrentCalls = concurrentCalls
        self.tokensPerDay = tokensPerDay
    }

    var saysSomething: Bool { self != GrantedLimits() }
}

/// Which limits hold for whom.
public struct LimitRules: Hashable, Sendable {
    /// For every address, all of its callers together.
    public let address: CallLimits
    private let caller: CallLimits
    private let grants: [AccessGrant]

    /// - Parameters:
    ///   - caller: for each caller whose grants say nothing else.
    ///   - grants: the policies, of which those that state limits count.
    public init(caller: CallLimits = .none, address: CallLimits = .none, grants: [AccessGrant] = []) {
        self.caller = caller
        self.address = address
        self.grants = grants.filter(\.limits.saysSomething)
    }

    /// The grants of the caller's roles come before the limits for everybody, number by number, and like all that grants
    /// give the most generous of them counts.
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
