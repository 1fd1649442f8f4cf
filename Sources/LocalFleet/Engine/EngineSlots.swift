import Synchronization

/// The slots of one engine, shared by its connections.
final class EngineSlots: Sendable {
    /// All places are taken, those to wait in too.
    struct QueueFull: Error {}

    /// The right to one slot. It goes back when the work is done, or when nobody holds it any more: an answer whose
    /// body is never asked for must not keep the slot.
    final class Lease: Sendable {
        private let number: Int
        private let slots: EngineSlots
        /// Goes when the lease does.
        private let use: ModelMemory.Use?

        fileprivate init(_ number: Int, of slots: EngineSlots, for use: ModelMemory.Use?) {
            self.number = number
            self.slots = slots
            self.use = use
        }

        func workDone() {
            slots.end(number, served: true)
        }

        deinit {
            slots.end(number, served: false)
        }
    }

    private struct State: Sendable {
        var table: SlotTable
        var turns: [Int: OneShot] = [:]
    }

    private let state: Watched<State>

    init(slots: Int, queueLength: Int) {
        state = Watched(State(table: SlotTable(slots: slots, queueLength: queueLength)))
    }

    var counters: EngineCounters { EngineCounters(state.value.table) }

    func counters(where isSatisfied: @escaping @Sendable (EngineCounters) -> Bool) async throws -> EngineCounters {
        EngineCounters(try await state.value { isSatisfied(EngineCounters($0.table)) }.table)
    }

    /// A slot, as soon as there is one.
    ///
    /// - Throws: `QueueFull`, or `ClientGone` if the client did not wait for its turn.
    func lease(for client: ClientPresence, use: ModelMemory.Use? = nil) async throws -> Lease {
        let turn = OneShot()
        let (number, answer) = state.update { state in
            let (number, answer) = state.table.requestArrived()
            if answer == .queued { state.turns[number] = turn }
            return (number, answer)
        }
        if answer == .refused { throw QueueFull() }
        let lease = Lease(number, of: self, for: use)
        if answer == .queued { try await client.wait(for: turn) }
        return lease
    }

    private func end(_ number: Int, served: Bool) {
        let turn: OneShot? = state.update { state in
            state.turns[number] = nil
            guard let next = state.table.requestEnded(number, served: served) else { return nil }
            return state.turns.removeValue(forKey: next)
        }
        turn?.settle()
    }
}

/// What an engine has done so far, at one moment.
public struct EngineCounters: Hashable, Sendable {
    /// Holding a slot.
    public let activeRequests: Int
    public let waitingRequests: Int
    /// Answered to the end.
    public let served: Int
    /// Ended before that: the client left, waiting or working.
    public let cancelled: Int

    init(_ table: SlotTable) {
        activeRequests = table.active.count
        waitingRequests = table.queue.count
        served = table.served
        cancelled = table.cancelled
    }
}
