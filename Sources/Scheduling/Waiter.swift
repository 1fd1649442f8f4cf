import SimpleAICore

/// A call that waits, and what for.
struct Waiter: Hashable, Sendable {
    enum Hope: Hashable, Sendable {
        /// A slot of a runner that is awake.
        case slot
        /// The next probe of a runner that we do not know well enough.
        case probe
        /// A machine that is being woken.
        case wake(WakeID)
        /// A runner that loads what it wants, or something else before.
        case load(RunnerRequest)
        /// An engine that states that it is not ready yet.
        case loading

        var isWake: Bool { if case .wake = self { true } else { false } }

        /// Whether waiting for it takes longer than waiting for a turn.
        var hasItsOwnDeadline: Bool {
            switch self {
            case .wake, .load, .loading: true
            case .slot, .probe: false
            }
        }
    }

    let id: WaiterID
    let request: PlacementRequest
    let since: ContinuousClock.Instant
    var hope: Hope
    var deadline: ContinuousClock.Instant
    /// The last wake it waited for, kept when it has to queue for a slot afterwards.
    private(set) var wake: WakeID?
    /// Every wake it waited for, those that were begun beside the one that it hopes for included.
    private var wakes: Set<WakeID> = []
    /// Indices of the runners whose machines did not wake up while this call waited for them.
    var failedWakes: Set<Int> = []
    /// Indices of the runners that could not load its model while it waited for that.
    var failedLoads: Set<Int> = []

    init(
        id: WaiterID, request: PlacementRequest, since: ContinuousClock.Instant, hope: Hope,
        deadline: ContinuousClock.Instant
    ) {
        self.id = id
        self.request = request
        self.since = since
        self.hope = hope
        self.deadline = deadline
    }

    mutating func waits(for wake: WakeID) {
        self.wake = wake
        wakes.insert(wake)
    }

    mutating func alsoWaits(for wake: WakeID) { wakes.insert(wake) }

    /// Whether this wake could still end its waiting.
    func awaits(_ wake: WakeID) -> Bool { hope.isWake && wakes.contains(wake) }

    /// Which wake its lease shows: that of the machine that serves it, if it waited for that one.
    func wake(of machine: WakeID?) -> WakeID? {
        if let machine, wakes.contains(machine) { machine } else { wake }
    }
}
