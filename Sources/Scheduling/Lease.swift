public import SimpleAICore

/// Names one lease; a small copyable value. The scheduler's table owns the slot behind it.
public struct LeaseID: Hashable, Sendable {
    let number: UInt64
}

/// Names one wake of one machine; every call that waited for it shows the same id.
public struct WakeID: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// The right to one slot of one runner for one call. Only the scheduler can make one.
public struct Lease: Hashable, Sendable {
    public let id: LeaseID
    public let runner: RunnerID
    /// The model's public id.
    public let model: ModelID
    /// What the runner's engine calls that model.
    public let engineModel: EngineModelID
    /// How long the call waited for this, queueing and waking together.
    public let waited: Duration
    /// The wake that the call waited for, if there was one.
    public let wake: WakeID?
    /// Whether the runner has served a call since it became ready. A 503 from one that has not means that its engine is
    /// loading.
    public internal(set) var runnerHasServed = true
}
