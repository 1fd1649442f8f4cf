import DequeModule
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

        var isWake: Bool { if case .wake = self { true } else { false } }

        /// Whether waiting for it takes longer than waiting for a turn.
        var hasItsOwnDeadline: Bool {
            switch self {
            case .wake, .load: true
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

/// Everybody who waits: one bounded queue per set of models, first come first served, across callers.
struct WaitQueue {
    private var queues: [[ModelID]: Deque<Waiter>] = [:]
    private(set) var count = 0

    func length(for models: [ModelID]) -> Int { queues[models]?.count ?? 0 }

    mutating func append(_ waiter: Waiter) {
        queues[waiter.request.models, default: []].append(waiter)
        count += 1
    }

    func waiter(_ id: WaiterID, models: [ModelID]) -> Waiter? { queues[models]?.first { $0.id == id } }

    mutating func remove(_ id: WaiterID, models: [ModelID]) -> Waiter? {
        guard let index = queues[models]?.firstIndex(where: { $0.id == id }) else { return nil }
        return remove(at: index, of: models)
    }

    /// The one that has waited longest among those that `canServe` accepts; `couldServe` decides on whole queues first.
    mutating func takeFirst(
        couldServe: ([ModelID]) -> Bool, canServe: (Waiter) -> Bool
    ) -> Waiter? {
        var best: (models: [ModelID], index: Int, number: UInt64)?
        for (models, queue) in queues where couldServe(models) {
            guard let index = queue.firstIndex(where: canServe) else { continue }
            let number = queue[index].id.number
            if best.map({ number < $0.number }) ?? true { best = (models, index, number) }
        }
        return best.flatMap { remove(at: $0.index, of: $0.models) }
    }

    /// Lets `change` look at every waiter, in the order of arrival within a queue; those for which it returns false
    /// leave. The queue whose first has waited longest comes first.
    mutating func reconsider(_ change: (inout Waiter) -> Bool) {
        guard count > 0 else { return }
        let byAge = queues.sorted { ($0.value.first?.id.number ?? 0) < ($1.value.first?.id.number ?? 0) }
        for (models, waiters) in byAge {
            var queue = waiters
            var kept: Deque<Waiter> = []
            while var waiter = queue.popFirst() {
                if change(&waiter) { kept.append(waiter) } else { count -= 1 }
            }
            queues[models] = kept.isEmpty ? nil : kept
        }
    }

    func contains(where matches: (Waiter) -> Bool) -> Bool {
        queues.values.contains { $0.contains(where: matches) }
    }

    var earliestDeadline: ContinuousClock.Instant? {
        queues.values.lazy.joined().map(\.deadline).min()
    }

    private mutating func remove(at index: Int, of models: [ModelID]) -> Waiter? {
        let waiter = queues[models]?.remove(at: index)
        if queues[models]?.isEmpty == true { queues[models] = nil }
        if waiter != nil { count -= 1 }
        return waiter
    }
}
