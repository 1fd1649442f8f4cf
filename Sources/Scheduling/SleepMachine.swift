import SimpleAICore

/// How one agent's machine falls asleep: its idle time, and the sleep command whose outcome is not known yet.
///
///     busy ⇄ idle –commanded→ falling asleep –refused→ busy
///                                   └–timePassed, or connected, or becameReady→ settled
///
/// Only calls are activity, not probes, reports or listings.
struct SleepMachine: Hashable, Sendable {
    /// A sleep command. Until `settledAt`, reports over the existing connection are ignored; a machine whose agent has
    /// not reconnected by then has fallen asleep.
    struct Pending: Hashable, Sendable {
        let request: CommandID
        let settledAt: ContinuousClock.Instant
    }

    /// Whether its agent can put the machine to sleep.
    private(set) var isSleepable = false
    /// When it became idle; nil while it has calls or is not ready.
    private(set) var idleSince: ContinuousClock.Instant?
    private(set) var pending: Pending?
    /// Why its machine did not fall asleep after the last sleep command.
    private(set) var problem: OperatorReason?

    // MARK: Queries

    /// When the machine is put to sleep; nil if it is busy, or never.
    /// - Parameter sleepAfter: the idle time; zero for never.
    func dueAt(after sleepAfter: Duration) -> ContinuousClock.Instant? {
        guard isSleepable, sleepAfter > .zero else { return nil }
        return idleSince?.advanced(by: sleepAfter)
    }

    // MARK: Events

    /// - Parameter isIdle: whether the machine is ready and has no call.
    mutating func activityChanged(isIdle: Bool, now: ContinuousClock.Instant) {
        idleSince = isIdle ? idleSince ?? now : nil
    }

    /// A call began, a load ended, or the machine is not ready: its idle time begins anew.
    mutating func idleTimeEnded() { idleSince = nil }

    mutating func commanded(_ request: CommandID, gracePeriod: Duration, now: ContinuousClock.Instant) {
        pending = Pending(request: request, settledAt: now.advanced(by: gracePeriod))
        problem = nil
    }

    /// - Returns: whether the command was this one.
    mutating func refused(_ request: CommandID, _ reason: OperatorReason) -> Bool {
        guard pending?.request == request else { return false }
        pending = nil
        problem = reason
        return true
    }

    /// - Returns: whether the report counts: false if it describes the machine before it fell asleep.
    mutating func statusReported(_ report: RunnerReport, now: ContinuousClock.Instant) -> Bool {
        if let pending {
            guard now >= pending.settledAt else { return false }
            self.pending = nil
        }
        isSleepable = report.isSleepable
        return true
    }

    /// - Returns: whether the agent reports another problem than before.
    mutating func problemReported(_ reported: OperatorReason?) -> Bool {
        guard let reported, reported != problem else { return false }
        problem = reported
        return true
    }

    mutating func fellAsleep() {
        problem = nil
        idleSince = nil
    }

    mutating func becameReady() { pending = nil }

    mutating func connected() {
        pending = nil
        idleSince = nil
    }

    mutating func disconnected() { idleSince = nil }

    /// A machine without a connection has fallen asleep once the grace period has passed.
    mutating func timePassed(isConnected: Bool, now: ContinuousClock.Instant) {
        if !isConnected, let pending, pending.settledAt <= now { self.pending = nil }
    }
}
