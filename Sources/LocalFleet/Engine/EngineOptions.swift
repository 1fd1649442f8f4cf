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
    /// Nil: all models are in memory, always. Otherwise the engine has Ollama's own API, too.
    public var loading: ModelLoading?
    /// The largest body that is read.
    public var maxBody: ByteCount = .mebibytes(64)

    public init(models: [ModelID]) {
        self.models = models
    }
}

/// How a simulated engine takes models into memory, as Ollama does: all lie on its disk, some are loaded.
public struct ModelLoading: Hashable, Sendable {
    /// At the start, and after each boot.
    public var atStart: [ModelID]
    /// From the order until the model can serve.
    public var time: Duration = .zero
    /// What each model takes of the memory.
    public var size: ByteCount
    /// Files that cannot be loaded.
    public var broken: Set<ModelID> = []

    public init(atStart: [ModelID] = [], size: ByteCount = .mebibytes(1024)) {
        self.atStart = atStart
        self.size = size
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
