import SimpleAICore

/// All waiting calls: one bounded queue per set of models. Each runner serves callers by fair queueing
/// (`FairQueueClock`): a caller's burst delays other callers only by its share. One caller's calls are served in order
/// of arrival.
struct FairQueue: Sendable {
    /// Whether one more call may wait.
    enum Capacity: Hashable {
        case available
        /// The queue is full, and this call of the caller with the most calls gives its place to the new one.
        case availableAfterEvicting(WaiterID)
        case exhausted
    }

    private var queues: [[ModelID]: ModelQueue] = [:]
    private(set) var count = 0
    /// Number of calls that have waited so far.
    private var waiters: UInt64 = 0
    /// Sequence number of arrivals and grants.
    private var number: UInt64 = 0
    /// The clocks by runner index. Together with `grants` they record the slots that waiting callers were granted. Both
    /// are cleared when no call waits, and only then may an index be reused for another runner.
    private var clocks: [Int: FairQueueClock] = [:]
    private var grants: [CallerID: RecentGrants] = [:]
    /// Number of callers above which the grants of callers without a waiting call are dropped.
    private var maxTrackedCallers = Self.minTrackedCallers

    private static let minTrackedCallers = 1024

    // MARK: Queries

    func length(for models: [ModelID]) -> Int { queues[models]?.count ?? 0 }

    /// - Parameter maxLength: of one set of models.
    func capacity(for request: PlacementRequest, maxLength: Int) -> Capacity {
        guard length(for: request.models) >= maxLength else { return .available }
        let newest = queues[request.models]?.callToEvict(for: request.caller)
        return newest.map { .availableAfterEvicting($0) } ?? .exhausted
    }

    func contains(where matches: (Waiter) -> Bool) -> Bool {
        queues.values.contains { $0.contains(where: matches) }
    }

    var earliestDeadline: ContinuousClock.Instant? { queues.values.lazy.compactMap(\.earliestDeadline).min() }

    // MARK: Events

    /// The id of the next call that waits.
    mutating func makeWaiterID() -> WaiterID {
        waiters += 1
        return WaiterID(number: waiters)
    }

    mutating func callQueued(_ waiter: Waiter) {
        number += 1
        queues[waiter.request.models, default: ModelQueue()].append(waiter, number: number)
        count += 1
    }

    /// Removes a call that was abandoned by its client or evicted.
    mutating func callWithdrawn(_ id: WaiterID, models: [ModelID]) {
        _ = remove(id, models: models)
    }

    /// Removes and returns the next call for a runner with a free slot. Fair queueing selects one of the callers with a
    /// call that `canServe` accepts; of that caller's accepted calls the one that has waited longest is next.
    /// `couldServe` first excludes entire queues. A caller with calls in several queues counts once: requesting a class
    /// and its models by id is one share, not two.
    mutating func slotFreed(
        of runner: RunnerID, at index: Int, couldServe: ([ModelID]) -> Bool, canServe: (Waiter) -> Bool
    ) -> Waiter? {
        let (contenders, oldest, competing) = contenders(couldServe: couldServe, canServe: canServe)
        guard !contenders.isEmpty else { return nil }
        number += 1
        // Slots that a caller got on other runners are charged here, too, since their grants are in its list. Lists are
        // truncated. Only grants after this number count, so that all contenders are charged for the same period.
        let comparableAfter = contenders.reduce(0) { max($0, grants[$1.caller]?.incompleteUpTo ?? 0) }
        var clock = clocks.removeValue(forKey: index) ?? FairQueueClock()
        let next = clock.grantSlot(contenders, number: number) { caller, seen in
            grants[caller]?.after(max(seen, comparableAfter)) { request in
                // Calls with the same list share its storage, so this usually compares no names.
                request.allows(runner) && (competing.contains(request.models) || couldServe(request.models))
            }
        }
        clocks[index] = clock
        guard let next else { return nil }
        let request = oldest[next].request
        grants[request.caller, default: RecentGrants()].append(request, number: number)
        return remove(oldest[next].id, models: request.models)
    }

    /// The callers that have a call to serve, each once, their longest-waiting calls, and the models of their queues.
    private func contenders(
        couldServe: ([ModelID]) -> Bool, canServe: (Waiter) -> Bool
    ) -> (contenders: [FairQueueClock.Contender], oldest: [Waiter], competing: [[ModelID]]) {
        var competing: [[ModelID]] = []
        var oldest: [Waiter] = []
        var since: [UInt64] = []
        // In one queue each caller has one line; the dictionary is needed only from the second queue on.
        var places: [CallerID: Int]?
        for (models, queue) in queues where couldServe(models) {
            competing.append(models)
            if !oldest.isEmpty, places == nil {
                places = Dictionary(uniqueKeysWithValues: oldest.enumerated().map { ($1.request.caller, $0) })
            }
            for line in queue.lines {
                guard let waiter = line.waiters.first(where: canServe) else { continue }
                if let place = places?[line.caller] {
                    if waiter.id.number < oldest[place].id.number { oldest[place] = waiter }
                    since[place] = min(since[place], line.since)
                } else {
                    places?[line.caller] = oldest.count
                    oldest.append(waiter)
                    since.append(line.since)
                }
            }
        }
        let contenders = zip(oldest, since).map {
            FairQueueClock.Contender(caller: $0.request.caller, cost: $0.request.priority.fairQueueCost, since: $1)
        }
        return (contenders, oldest, competing)
    }

    /// Calls `change` with every waiter, in order of arrival within a queue, and removes those for which it returns
    /// false. The queue with the longest-waiting call comes first.
    mutating func reconsider(_ change: (inout Waiter) -> Bool) {
        guard count > 0 else { return }
        let byAge = queues.mapValues(\.age).sorted { $0.value < $1.value }
        for (models, _) in byAge {
            queues[models]?.reconsider(change)
            if queues[models]?.count == 0 { queues[models] = nil }
        }
        count = queues.values.reduce(0) { $0 + $1.count }
        pruneCallers()
    }

    /// Removes the calls whose deadline has passed.
    /// - Returns: these calls, in the order of `reconsider`.
    mutating func timePassed(now: ContinuousClock.Instant) -> [Waiter] {
        var late: [Waiter] = []
        reconsider { waiter in
            guard waiter.deadline <= now else { return true }
            late.append(waiter)
            return false
        }
        return late
    }

    private mutating func remove(_ id: WaiterID, models: [ModelID]) -> Waiter? {
        let waiter = queues[models]?.remove(id)
        if waiter != nil { waiterRemoved(models) }
        return waiter
    }

    private mutating func waiterRemoved(_ models: [ModelID]) {
        count -= 1
        if queues[models]?.count == 0 { queues[models] = nil }
        pruneCallers()
    }

    private mutating func pruneCallers() {
        guard count > 0 else {
            clocks = [:]
            grants = [:]
            return
        }
        guard grants.count > maxTrackedCallers else { return }
        let waiting = Set(queues.values.lazy.flatMap(\.lines).map(\.caller))
        grants = grants.filter { waiting.contains($0.key) }
        maxTrackedCallers = max(Self.minTrackedCallers, 2 * waiting.count)
    }
}
