public import SimpleAICore

/// What a simulated engine pretends to be.
public struct EngineOptions: Hashable, Sendable {
    public var models: [ModelID]
    public var pace = EnginePace()
    /// Requests in work at the same time; the others wait, first come, first served.
    public var slots = 4
    /// Requests that may wait; one more is answered 503.
    public var queueLength = 1024
    /// The same seed and the same prompt give the same answer.
    public var seed: UInt64 = 1
    /// How many requests are kept for those who ask what arrived.
    public var rememberedRequests = 32
    /// The largest body that is read.
    public var maxBody: ByteCount = .mebibytes(64)

    public init(models: [ModelID]) {
        self.models = models
    }
}

/// How fast a simulated engine works.
public struct EnginePace: Hashable, Sendable {
    /// From having a slot to the first token.
    public var timeToFirstToken: Duration
    /// Per request; 0 means as fast as the machine can.
    public var tokensPerSecond: Double

    public init(timeToFirstToken: Duration = .milliseconds(20), tokensPerSecond: Double = 200) {
        self.timeToFirstToken = timeToFirstToken
        self.tokensPerSecond = tokensPerSecond
    }

    /// The same engine on a machine that is `factor` times as fast.
    func faster(by factor: Double) -> EnginePace {
        guard factor > 0 else { return self }
        return EnginePace(timeToFirstToken: timeToFirstToken / factor, tokensPerSecond: tokensPerSecond * factor)
    }

    /// From having a slot to the token of this index, counted from 0.
    func time(toToken index: Int) -> Duration {
        guard tokensPerSecond > 0 else { return timeToFirstToken }
        return timeToFirstToken + .seconds(Double(index) / tokensPerSecond)
    }
}
