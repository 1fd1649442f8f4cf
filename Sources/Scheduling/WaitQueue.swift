import SimpleAICore

/// Everybody who waits: one bounded queue per set of models. Callers take turns (`WaitTurn`), so that one caller's burst
/// delays nobody else's call by more than a turn each; of one caller's calls the first to come goes first.
struct WaitQueue {
    private var queues: [[ModelID]: ModelQueue] = [:]
    private(set) var count = 0
    /// Numbers the turns that were taken.
    private var turns: UInt64 = 0

    func length(for models: [ModelID]) -> Int { queues[models]?.count ?? 0 }

    mutating func append(_ waiter: Waiter) {
        turns += 1
        queues[waiter.request.models, default: ModelQueue()].append(waiter, number: turns)
        count += 1
    }

    func waiter(_ id: WaiterID, models: [ModelID]) -> Waiter? { queues[models]?.waiter(id) }

    mutating func remove(_ id: WaiterID, models: [ModelID]) -> Waiter? {
        let waiter = queues[models]?.remove(id)
        if waiter != nil { oneLeft(models) }
        return waiter
    }

    /// In a full queue the caller with the most calls, the new one counted, gives way with the newest of them.
    /// - Returns: the call that has to go; nil if that is the new one itself.
    mutating func makeRoom(for request: PlacementRequest) -> WaiterID? {
        guard let newest = queues[request.models]?.newestOfTheLongestLine(beside: request.caller) else { return nil }
        return remove(newest, models: request.models)?.id
    }

    /// The call of whoever's turn it is that has waited longest, among those that `canServe` accepts; `couldServe` decides
    /// on whole queues first. A slot that one queue gets counts in all that it could have gone to: otherwise a caller
    /// with two lines would be two callers, and the queue beside would wait until that one is empty.
    mutating func takeNext(couldServe: ([ModelID]) -> Bool, canServe: (Waiter) -> Bool) -> Waiter? {
        var best: ModelQueue.Next?
        var competing: [[ModelID]] = []
        for (models, queue) in queues where couldServe(models) {
            guard let next = queue.next(canServe) else { continue }
            competing.append(models)
            if best.map({ next < $0 }) ?? true { best = next }
        }
        guard let best else { return nil }
        var oldest = best.waiter
        if competing.count > 1 {
            for models in competing {
                guard let own = queues[models]?.first(of: best.caller, canServe) else { continue }
                if own.id.number < oldest.id.number { oldest = own }
            }
        }
        let waiter = remove(oldest.id, models: oldest.request.models)
        turns += 1
        for models in competing {
            queues[models]?.turnWasTaken(by: best.caller, ahead: best.ahead, number: turns)
        }
        return waiter
    }

    /// Lets `change` look at every waiter, in the order of arrival within a queue; those for which it returns false
    /// leave. The queue whose first has waited longest comes first.
    mutating func reconsider(_ change: (inout Waiter) -> Bool) {
        guard count > 0 else { return }
        let byAge = queues.mapValues(\.age).sorted { $0.value < $1.value }
        for (models, _) in byAge {
            queues[models]?.reconsider(change)
            if queues[models]?.count == 0 { queues[models] = nil }
        }
        count = queues.values.reduce(0) { $0 + $1.count }
    }

    func contains(where matches: (Waiter) -> Bool) -> Bool {
        queues.values.contains { $0.contains(where: matches) }
    }

    var earliestDeadline: ContinuousClock.Instant? { queues.values.lazy.compactMap(\.earliestDeadline).min() }

    private mutating func oneLeft(_ models: [ModelID]) {
        count -= 1
        if queues[models]?.count == 0 { queues[models] = nil }
    }
}
