import Synchronization

/// The slots of one engine, shared by its connections.
final class EngineSlots: Sendable {
    /// All slots are taken and the queue is full.
    struct QueueFull: Error {}

    /// The right to one slot. It is returned when the work is done or the lease is deallocated: a response whose body
    /// is never read must not keep the slot.
    final class Lease: Sendable {
        private let number: Int
        private let slots: EngineSlots
        /// Released with the lease.
        private let use: ModelMemory.Use?

        fileprivate init(_ number: Int, of slots: EngineSlots, for use: ModelMemory.Use?) {
            self.number = number
            self.slots = slots
            self.use = use
        }

        func markServed() {
            slots.end(number, served: true)
        }

        deinit {
            slots.end(number, served: false)
        }
    }

    private struct State: Sendable {
        var table: SlotTable
        var waiting: [Int: OneShot] = [:]
    }

    private let state: Watched<State>

    init(slots: Int, queueLength: Int) {
        state = Watched(State(table: SlotTable(slots: slots, queueLength: queueLength)))
    }

    var counters: EngineCounters { EngineCounters(state.value.table) }

    func counters(where isSatisfied: @escaping @Sendable (EngineCounters) -> Bool) async throws -> EngineCounters {
        EngineCounters(try await state.value { isSatisfied(EngineCounters($0.table)) }.table)
    }

    /// Waits for a free slot.
    ///
    /// - Throws: `QueueFull`, or `ClientDisconnected` if the client disconnected while waiting.
    func lease(for client: ClientConnectionMonitor, use: ModelMemory.Use? = nil) async throws -> Lease {
        let slotGranted = OneShot()
        let (number, decision) = state.update { state in
            let (number, decision) = state.table.requestArrived()
            if decision == .queued { state.waiting[number] = slotGranted }
            return (number, decision)
        }
        if decision == .refused { throw QueueFull() }
        let lease = Lease(number, of: self, for: use)
        if decision == .queued { try await client.wait(for: slotGranted) }
        return lease
    }

    private func end(_ number: Int, served: Bool) {
        let slotGranted: OneShot? = state.update { state in
            state.waiting[number] = nil
            guard let next = state.table.requestEnded(number, served: served) else { return nil }
            return state.waiting.removeValue(forKey: next)
        }
        slotGranted?.settle()
    }
}

/// A snapshot of an engine's counters.
public struct EngineCounters: Hashable, Sendable {
    /// Requests that hold a slot.
    public let activeRequests: Int
    public let waitingRequests: Int
    /// Requests with a complete response.
    public let served: Int
    /// Requests whose client disconnected while they were waiting or in progress.
    public let cancelled: Int

    init(_ table: SlotTable) {
        activeRequests = table.active.count
        waitingRequests = table.queue.count
        served = table.served
        cancelled = table.cancelled
    }
}
