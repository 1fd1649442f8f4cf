import DequeModule
import SimpleAICore

/// Calls that wait for the same set of models, in one line per caller.
struct ModelQueue: Sendable {
    /// One caller's calls in order of arrival; never empty.
    struct Line: Sendable {
        let caller: CallerID
        /// The arrival number of the call that opened this line.
        let since: UInt64
        fileprivate(set) var waiters: Deque<Waiter>
    }

    private(set) var lines: [Line] = []
    private(set) var count = 0

    mutating func append(_ waiter: Waiter, number: UInt64) {
        count += 1
        if let index = lines.firstIndex(where: { $0.caller == waiter.request.caller }) {
            lines[index].waiters.append(waiter)
        } else {
            lines.append(Line(caller: waiter.request.caller, since: number, waiters: [waiter]))
        }
    }

    func waiter(_ id: WaiterID) -> Waiter? {
        lines.lazy.compactMap { $0.waiters.first { $0.id == id } }.first
    }

    mutating func remove(_ id: WaiterID) -> Waiter? {
        for index in lines.indices {
            guard let place = lines[index].waiters.firstIndex(where: { $0.id == id }) else { continue }
            let waiter = lines[index].waiters.remove(at: place)
            if lines[index].waiters.isEmpty { lines.remove(at: index) }
            count -= 1
            return waiter
        }
        return nil
    }

    /// The call to evict for a new call of `caller`: the newest in the longest line; nil unless that line is longer
    /// than `caller`'s with the new call.
    func callToEvict(for caller: CallerID) -> WaiterID? {
        let own = lines.first { $0.caller == caller }?.waiters.count ?? 0
        let longest = lines.lazy.compactMap { line in line.waiters.last.map { (line.waiters.count, $0.id.number) } }.max
        {
            $0 < $1
        }
        guard let longest, longest.0 > own + 1 else { return nil }
        return WaiterID(number: longest.1)
    }

    /// The arrival number of the call that has waited longest; a smaller number means a longer wait.
    var age: UInt64 { lines.lazy.compactMap(\.waiters.first?.id.number).min() ?? .max }

    /// Calls `change` with every waiter in order of arrival, and removes those for which it returns false.
    mutating func reconsider(_ change: (inout Waiter) -> Bool) {
        var order: [(number: UInt64, line: Int, place: Int)] = []
        order.reserveCapacity(count)
        for line in lines.indices {
            for place in lines[line].waiters.indices {
                order.append((lines[line].waiters[place].id.number, line, place))
            }
        }
        if lines.count > 1 { order.sort { $0.number < $1.number } }
        var leaving: Set<UInt64> = []
        for next in order where !change(&lines[next.line].waiters[next.place]) { leaving.insert(next.number) }
        guard !leaving.isEmpty else { return }
        for line in lines.indices { lines[line].waiters.removeAll { leaving.contains($0.id.number) } }
        lines.removeAll(where: \.waiters.isEmpty)
        count -= leaving.count
    }

    func contains(where matches: (Waiter) -> Bool) -> Bool {
        lines.contains { $0.waiters.contains(where: matches) }
    }

    var earliestDeadline: ContinuousClock.Instant? { lines.lazy.flatMap(\.waiters).map(\.deadline).min() }
}
