public import SimpleAICore

/// Identifies one lease; a small copyable value. The scheduler's table owns the slot behind it.
public struct LeaseID: Hashable, Sendable {
    let number: UInt64
}

/// Identifies one wake of one machine; shared by all calls that waited for it.
public struct WakeID: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// The right of one call to one slot of one runner. Only the scheduler creates leases.
public struct Lease: Hashable, Sendable {
    public let id: LeaseID
    public let runner: RunnerID
    /// The model's public id.
    public let model: ModelID
    /// The engine's own id of that model.
    public let engineModel: EngineModelID
    /// How long the call waited for this lease, in the queue and for a wake together.
    public let waited: Duration
    /// The wake that the call waited for; nil if it waited for none.
    public let wake: WakeID?
    /// Whether the runner has served a call since it became ready. A 503 from a runner that has not means that its
    /// engine is loading.
    public internal(set) var runnerHasServed = true
}
