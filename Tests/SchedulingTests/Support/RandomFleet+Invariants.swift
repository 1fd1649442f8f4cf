import SimpleAICore
import Testing

@testable import Scheduling

/// The invariants that hold after each event.
extension RandomFleet {
    func check() throws {
        var active = Array(repeating: 0, count: state.records.count)
        for held in leases { active[held.index] += 1 }
        for (index, record) in state.records.enumerated() {
            let occupancy = state.placement[index]
            try expect(occupancy.active == active[index], "active calls are leases")
            try expect(state.placement.table.ranks[index] == occupancy.rank, "picking sees runners as they are")
            try expect(
                occupancy.rank == .unable || occupancy.active < record.runner.slots, "no more calls than slots")
            if occupancy.isLeaving {
                try expect(record.wake == nil && occupancy.rank == .unable, "nothing begins with those that leave")
                continue
            }
            try expect(
                state.placement.ejected.contains(index) == occupancy.isEjected, "ejected runners are listed")
            try expect(
                state.deadlines.trials.contains(index) == (record.trials.nextAt != nil), "loading engines are tried")
            try expect(record.trials.nextAt == nil || occupancy.state == .loading, "nothing else is tried")
            try expect((record.wake != nil) == (occupancy.state == .waking), "waking machines have a wake")
            try expect((record.wake != nil) == state.deadlines.waking.contains(index), "wakes under way are listed")
            try expect(record.wake?.id == wakes[record.runner.id]?.id, "wakes are announced")
            try expect(
                record.sleep.pending == nil || [.asleep, .waking, .wakeFailed].contains(occupancy.state),
                "a machine that was put to sleep is asleep")
            try expect(
                record.sleep.idleSince == nil
                    || (record.sleep.isSleepable && occupancy.state == .ready && occupancy.active == 0),
                "only machines that are idle and can sleep have an idle time")
            guard let agent = record.agent else { continue }
            try expect(
                state.deadlines.agents.contains(index) == (record.nextAgentDeadline != nil),
                "agents' deadlines are looked after")
            try expect(occupancy.state != .checking || agent.check.isPending, "a check decides")
        }
        try expect(state.leases.count == leases.count, "leases are counted")
        try expect(state.leases.doubleReturns == doubleReturns, "double returns are counted")
        try expect(state.queue.count == waiting.count, "every waiting call is in the queue")
        try checkWaiters()
        if let next = state.nextDeadline {
            // A timer that is due has not fired yet; a requested timer is never later than needed.
            try expect(timer.map { $0 <= next } ?? false, "the timer is set for the next deadline")
        } else {
            try expect(waiting.isEmpty && wakes.isEmpty, "whatever is under way has a deadline")
        }
    }

    private func checkWaiters() throws {
        var everybody: [Waiter] = []
        _ = state.queue.contains { waiter in
            everybody.append(waiter)
            return false
        }
        for waiter in everybody {
            try expect(waiting[waiter.id] == waiter.request, "every waiter belongs to a pending request")
            // By index: records are large, and copying them would take most of the test's time.
            let able = state.records.indices.filter { index in
                waiter.request.allows(state.records[index].runner.id)
                    && waiter.request.models.contains { state.records[index].models[$0] != nil }
            }
            let atHand = able.filter { state.records[$0].firstLoaded(of: waiter.request.models) != nil }
            try expect(!atHand.contains { state.placement[$0].canTakeCall }, "no call waits while a slot is free")
            try expect(
                state.placement.choice(for: waiter.request) == nil,
                "no call waits that would be placed if it arrived now")
            switch waiter.waitReason {
            case .slot:
                try expect(
                    atHand.contains { state.placement[$0].state == .ready }, "a slot is waited for where there is one")
            case .load(let id):
                try expect(
                    able.contains { state.placement[$0].state == .ready && state.records[$0].load?.id == id },
                    "a load is waited for while it is on")
            case .probe:
                try expect(
                    able.contains { [.unknown, .checking].contains(state.placement[$0].state) }
                        || state.records.indices.contains {
                            state.placement[$0].state == .unknown && !state.records[$0].modelsAreKnown
                        },
                    "a probe is waited for where one will decide")
            case .loading:
                try expect(able.contains { state.placement[$0].state == .loading }, "a loading engine is waited for")
            case .wake(let id):
                try expect(
                    able.contains { state.records[$0].wake?.id == id },
                    "a wake is waited for while it is on, if it can help")
            }
        }
    }

    func expect(_ holds: Bool, _ rule: String) throws {
        guard !holds else { return }
        Issue.record("\(rule)")
        throw Disappointment()
    }
}
