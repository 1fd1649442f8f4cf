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
    private struct Terms: Hashable, Sendable {
        let id: LeaseID
        let runner: RunnerID
        let model: ModelID
        let engineModel: EngineModelID
        let waited: Duration
        let wake: WakeID?
        let runnerHasServed: Bool
    }

    private let terms: Shared<Terms>

    public var id: LeaseID { terms.value.id }
    public var runner: RunnerID { terms.value.runner }
    /// The model's public id.
    public var model: ModelID { terms.value.model }
    /// The engine's own id of that model.
    public var engineModel: EngineModelID { terms.value.engineModel }
    /// How long the call waited for this lease, in the queue and for a wake together.
    public var waited: Duration { terms.value.waited }
    /// The wake that the call waited for; nil if it waited for none.
    public var wake: WakeID? { terms.value.wake }
    /// Whether the runner has served a call since it became ready. A 503 from a runner that has not means that its
    /// engine is loading.
    public var runnerHasServed: Bool { terms.value.runnerHasServed }

    init(
        id: LeaseID, runner: RunnerID, model: ModelID, engineModel: EngineModelID, waited: Duration, wake: WakeID?,
        runnerHasServed: Bool = true
    ) {
        terms = Shared(
            Terms(
                id: id, runner: runner, model: model, engineModel: engineModel, waited: waited, wake: wake,
                runnerHasServed: runnerHasServed))
    }
}
