public import SimpleAICore

/// Properties of a simulated engine.
public struct EngineOptions: Hashable, Sendable {
    public var models: [ModelID]
    public var pace = EnginePace()
    /// Maximum number of requests in progress; others wait, first come, first served.
    public var slots = 4
    /// Maximum number of waiting requests; the next one receives a 503.
    public var queueLength = 1024
    /// The same seed and prompt give the same response.
    public var seed: UInt64 = 1
    /// Number of received requests that are kept for inspection.
    public var rememberedRequests = 32
    /// Nil: all models are always in memory. Otherwise the engine loads models as Ollama does, and its agent treats it as
    /// one.
    public var loading: ModelLoading?
    /// The endpoints that it serves; others get 404.
    public var endpoints = Set(Endpoint.allCases)
    /// Maximum size of a request body.
    public var maxBody: ByteCount = .mebibytes(64)

    public init(models: [ModelID]) {
        self.models = models
    }

    /// Whether it has the lists of Ollama's own API.
    var hasOllamaAPI: Bool { loading != nil || endpoints.contains { $0.dialect == .ollama } }
}

/// How a simulated engine loads models, like Ollama: all are on its disk, some are in memory.
public struct ModelLoading: Hashable, Sendable {
    /// Models in memory at the start and after each boot.
    public var atStart: [ModelID]
    /// Time from the load request until the model can serve.
    public var time: Duration = .zero
    /// Memory that a model occupies.
    public var size: ByteCount
    /// Models whose files cannot be loaded.
    public var broken: Set<ModelID> = []

    public init(atStart: [ModelID] = [], size: ByteCount = .mebibytes(1024)) {
        self.atStart = atStart
        self.size = size
    }
}

/// The speed of a simulated engine.
public struct EnginePace: Hashable, Sendable {
    /// Time from receiving a slot to the first token.
    public var timeToFirstToken: Duration
    /// Per request; 0 means unlimited.
    public var tokensPerSecond: Double

    public init(timeToFirstToken: Duration = .milliseconds(20), tokensPerSecond: Double = 200) {
        self.timeToFirstToken = timeToFirstToken
        self.tokensPerSecond = tokensPerSecond
    }

    /// The pace on a machine that is `factor` times as fast.
    func faster(by factor: Double) -> EnginePace {
        guard factor > 0 else { return self }
        return EnginePace(timeToFirstToken: timeToFirstToken / factor, tokensPerSecond: tokensPerSecond * factor)
    }

    /// Time from receiving a slot to the token with this index, counted from 0.
    func time(toToken index: Int) -> Duration {
        guard tokensPerSecond > 0 else { return timeToFirstToken }
        return timeToFirstToken + .seconds(Double(index) / tokensPerSecond)
    }
}
