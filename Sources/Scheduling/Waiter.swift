import SimpleAICore

/// A waiting call and what it waits for.
struct Waiter: Hashable, Sendable {
    enum WaitReason: Hashable, Sendable {
        /// A slot of a runner that is awake.
        case slot
        /// The next probe of a runner in an unknown state.
        case probe
        /// The wake of a machine.
        case wake(WakeID)
        /// A runner that is loading the requested model, or another one before it.
        case load(CommandID)
        /// An engine that states that it is not ready yet.
        case loading

        enum Kind: Hashable, Sendable { case slot, probe, wake, load, loading }

        var kind: Kind {
            switch self {
            case .slot: .slot
            case .probe: .probe
            case .wake: .wake
            case .load: .load
            case .loading: .loading
            }
        }

        /// Whether this wait has its own deadline, longer than the queue's.
        var hasOwnDeadline: Bool {
            switch self {
            case .wake, .load, .loading: true
            case .slot, .probe: false
            }
        }
    }

    let id: WaiterID
    let request: PlacementRequest
    let since: ContinuousClock.Instant
    var waitReason: WaitReason
    var deadline: ContinuousClock.Instant
    /// The latest wake that it waited for; kept while it then waits for a slot.
    private(set) var wake: WakeID?
    /// All wakes that it waited for, including those started in addition to the one in `waitReason`.
    private var wakes: Set<WakeID> = []
    /// Indices of the runners whose machines did not wake up while this call waited for them.
    var failedWakes: Set<Int> = []
    /// Indices of the runners that failed to load its model while it waited for the load.
    var failedLoads: Set<Int> = []

    init(
        id: WaiterID, request: PlacementRequest, since: ContinuousClock.Instant, waitReason: WaitReason,
        deadline: ContinuousClock.Instant
    ) {
        self.id = id
        self.request = request
        self.since = since
        self.waitReason = waitReason
        self.deadline = deadline
    }

    mutating func startWaiting(for wake: WakeID) {
        self.wake = wake
        wakes.insert(wake)
    }

    mutating func alsoWait(for wake: WakeID) { wakes.insert(wake) }

    /// Whether this wake could still end the wait.
    func awaits(_ wake: WakeID) -> Bool { waitReason.kind == .wake && wakes.contains(wake) }

    /// The wake that its lease states: the wake of the machine that serves it if the call waited for it, otherwise the
    /// latest wake that it waited for.
    func wake(of machine: WakeID?) -> WakeID? {
        if let machine, wakes.contains(machine) { machine } else { wake }
    }
}
