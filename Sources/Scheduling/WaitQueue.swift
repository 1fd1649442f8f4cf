import SimpleAICore

/// Everybody who waits: one bounded queue per set of models. Callers take turns at each runner (`TurnClock`), so that one
/// caller's burst delays another's call by its share of turns only; of one caller's calls the first to come goes first.
struct WaitQueue {
    private var queues: [[ModelID]: ModelQueue] = [:]
    private(set) var count = 0
    /// Numbers arrivals and turns.
    private var number: UInt64 = 0
    /// By the runner's index. These and `turns` say what those who wait have had; when nobody waits, they are forgotten;
    /// only then an index can become another runner's.
    private var clocks: [Int: TurnClock] = [:]
    private var turns: [CallerID: RecentTurns] = [:]
    /// With so many callers, those that no longer wait are forgotten.
    private var mostCallers = Self.manyCallers

    private static let manyCallers = 1024

    func length(for models: [ModelID]) -> Int { queues[models]?.count ?? 0 }

    mutating func append(_ waiter: Waiter) {
        number += 1
        queues[waiter.request.models, default: ModelQueue()].append(waiter, number: number)
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

    /// The call that has waited longest of the caller whose turn it is at a runner, among those that `canServe` accepts;
    /// `couldServe` decides on whole queues first. A caller with lines in several queues is one caller: asking for a class
    /// and for its models by id is one share, not two.
    mutating func takeNext(
        for runner: RunnerID, at index: Int, couldServe: ([ModelID]) -> Bool, canServe: (Waiter) -> Bool
    ) -> Waiter? {
        let (contenders, oldest, competing) = contenders(couldServe: couldServe, canServe: canServe)
        guard !contenders.isEmpty else { return nil }
        number += 1
        let forgotten = contenders.reduce(0) { max($0, turns[$1.caller]?.forgotten ?? 0) }
        var clock = clocks.removeValue(forKey: index) ?? TurnClock()
        let next = clock.takeTurn(contenders, number: number) { caller, seen in
            turns[caller]?.after(max(seen, forgotten)) { request in
                // What waits for the same list shares it, and then this compares no names.
                request.allows(runner) && (competing.contains(request.models) || couldServe(request.models))
            }
        }
        clocks[index] = clock
        guard let next else { return nil }
        let request = oldest[next].request
        turns[request.caller, default: RecentTurns()].append(request, number: number)
        return remove(oldest[next].id, models: request.models)
    }

    /// Each caller with a call that can be served, once, the call of it that has waited longest, and the queues.
    private func contenders(
        couldServe: ([ModelID]) -> Bool, canServe: (Waiter) -> Bool
    ) -> (contenders: [TurnClock.Contender], oldest: [Waiter], competing: [[ModelID]]) {
        var competing: [[ModelID]] = []
        var oldest: [Waiter] = []
        var since: [UInt64] = []
        // In one queue each caller has one line; only a second queue makes it necessary to look for them.
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
            TurnClock.Contender(caller: $0.request.caller, cost: $0.request.priority.costOfTurn, since: $1)
        }
        return (contenders, oldest, competing)
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
        forgetWhoLeft()
    }

    func contains(where matches: (Waiter) -> Bool) -> Bool {
        queues.values.contains { $0.contains(where: matches) }
    }

    var earliestDeadline: ContinuousClock.Instant? { queues.values.lazy.compactMap(\.earliestDeadline).min() }

    private mutating func oneLeft(_ models: [ModelID]) {
        count -= 1
        if queues[models]?.count == 0 { queues[models] = nil }
        forgetWhoLeft()
    }

    private mutating func forgetWhoLeft() {
        guard count > 0 else {
            clocks = [:]
            turns = [:]
            return
        }
        guard turns.count > mostCallers else { return }
        let waiting = Set(queues.values.lazy.flatMap(\.lines).map(\.caller))
        turns = turns.filter { waiting.contains($0.key) }
        mostCallers = max(Self.manyCallers, 2 * waiting.count)
    }
}
