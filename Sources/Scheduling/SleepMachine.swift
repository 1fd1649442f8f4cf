import SimpleAICore

/// What puts a machine to sleep.
public enum SleepMethod: Hashable, Sendable {
    /// The machine's agent.
    case agent
    /// The gateway, with the program or the web hook in the runner's settings.
    case gateway
}

/// How one machine falls asleep: its idle time, and the sleep command whose outcome is not known yet.
///
///     busy ⇄ idle –commanded→ falling asleep –failed→ busy
///                                   └–slept, stayed awake, connected, or became ready→ settled
///
/// Only calls are activity, not probes, reports or listings.
///
/// Who reports the outcome depends on the method. An agent refuses the command, or its connection ends; its next report
/// after the grace period decides. A command of the gateway fails, or probes decide: until the grace period after its
/// success has passed, the engine may still respond, because a machine takes seconds to suspend.
struct SleepMachine: Hashable, Sendable {
    /// A sleep command.
    struct Pending: Hashable, Sendable {
        let request: CommandID
        let method: SleepMethod
        /// When the machine must have fallen asleep. Until then reports over the existing connection, and responses of the
        /// engine, describe the machine before it fell asleep.
        fileprivate(set) var settledAt: ContinuousClock.Instant
        /// Whether a probe has found that the engine no longer responds.
        fileprivate(set) var hasStoppedResponding = false
    }

    struct Rules: Sendable {
        /// Maximum time that a machine takes to fall asleep after the command.
        let gracePeriod: Duration
        /// Maximum time that a command of the gateway takes.
        let commandTimeout: Duration
    }

    /// What evidence from a probe means while the machine is falling asleep.
    enum EvidenceVerdict: Hashable {
        case counts
        /// It describes the machine before it fell asleep.
        case ignored
        /// It counts, and the machine has not fallen asleep in time.
        case stayedAwake
    }

    enum Completion: Hashable {
        /// Of another command, or without significance.
        case ignored
        /// The machine does not fall asleep.
        case failed
    }

    /// Whether the settings state how the gateway puts the machine to sleep.
    private var hasSettings: Bool
    /// Whether its agent can put the machine to sleep.
    private var isSupportedByAgent = false
    /// When it became idle; nil while it has calls or is not ready, and if nothing can put it to sleep.
    private(set) var idleSince: ContinuousClock.Instant?
    /// The sleep command whose outcome is not known yet.
    private(set) var pending: Pending?
    /// Why its machine did not fall asleep after the last sleep command.
    private(set) var problem: OperatorReason?
    /// The last problem that was reported to the operator since the machine last slept.
    private var reportedProblem: OperatorReason?

    /// - Parameter hasSettings: whether the settings state how the gateway puts the machine to sleep.
    init(hasSettings: Bool = false) { self.hasSettings = hasSettings }

    // MARK: Queries

    /// Whether something can put the machine to sleep. Idle time is tracked only then.
    var isSleepable: Bool { hasSettings || isSupportedByAgent }

    /// What puts the machine to sleep; nil if nothing can. The settings take precedence.
    var method: SleepMethod? { hasSettings ? .gateway : isSupportedByAgent ? .agent : nil }

    /// Whether the machine may still be awake after a sleep command.
    var isFallingAsleep: Bool { pending.map { !$0.hasStoppedResponding } ?? false }

    /// When the machine is put to sleep; nil if it is busy, or never.
    /// - Parameter sleepAfter: the idle time; zero for never.
    func dueAt(after sleepAfter: Duration) -> ContinuousClock.Instant? {
        guard isSleepable, sleepAfter > .zero else { return nil }
        return idleSince?.advanced(by: sleepAfter)
    }

    /// When `timePassed` has to act; nil for commands whose outcome a report or a probe decides.
    func nextDeadline(isConnected: Bool) -> ContinuousClock.Instant? {
        guard let pending, pending.method == .agent, !isConnected else { return nil }
        return pending.settledAt
    }

    // MARK: Events

    mutating func settingsChanged(hasSettings: Bool) {
        self.hasSettings = hasSettings
        if !isSleepable { idleSince = nil }
    }

    /// - Parameter isIdle: whether the machine is ready and has no call.
    mutating func activityChanged(isIdle: Bool, now: ContinuousClock.Instant) {
        idleSince = isIdle && isSleepable ? idleSince ?? now : nil
    }

    /// A call began, a load ended, or the machine is not ready: its idle time begins anew.
    mutating func idleTimeEnded() { idleSince = nil }

    mutating func commanded(
        _ request: CommandID, _ method: SleepMethod, _ rules: Rules, now: ContinuousClock.Instant
    ) {
        let duration = method == .gateway ? rules.commandTimeout + rules.gracePeriod : rules.gracePeriod
        pending = Pending(request: request, method: method, settledAt: now.advanced(by: duration))
        problem = nil
    }

    /// The command has ended, or its agent has accepted or refused it.
    ///
    /// A machine that falls asleep ends its connections: the failure is then no refusal, whether its agent's connection
    /// is closed or the gateway's program loses the machine that it has put to sleep.
    /// - Parameters:
    ///   - failure: nil after a success.
    ///   - isConnected: whether its agent is connected.
    mutating func commandCompleted(
        _ request: CommandID, failure: OperatorReason?, isConnected: Bool, _ rules: Rules,
        now: ContinuousClock.Instant
    ) -> Completion {
        guard let pending, pending.request == request else { return .ignored }
        let isRefusal = pending.method == .agent ? isConnected : !pending.hasStoppedResponding
        guard let failure, isRefusal else {
            if pending.method == .gateway { self.pending?.settledAt = now.advanced(by: rules.gracePeriod) }
            return .ignored
        }
        self.pending = nil
        problem = failure
        return .failed
    }

    /// A probe has produced evidence about the machine.
    mutating func evidenceReceived(_ evidence: Liveness.Evidence, now: ContinuousClock.Instant) -> EvidenceVerdict {
        guard let pending else { return .counts }
        guard pending.method == .gateway else { return evidence == .responded ? .counts : .ignored }
        let isSettled = now >= pending.settledAt
        switch evidence {
        case .responded, .loading:
            guard pending.hasStoppedResponding || isSettled else { return .ignored }
            self.pending = nil
            guard pending.hasStoppedResponding else { return .stayedAwake }
            reportedProblem = nil
            return .counts
        case .refused, .foreignResponse, .unreachable:
            self.pending?.hasStoppedResponding = true
            guard isSettled else { return .ignored }
            self.pending = nil
            reportedProblem = nil
            return .counts
        // Silence does not show whether the machine is suspended or its engine is slow.
        case .silent: return .ignored
        case .served, .callUnreachable, .callGotForeignResponse, .disconnected, .graceExpired, .checkStarted,
            .checkFailed:
            return .counts
        }
    }

    /// - Returns: whether the report counts: false if it describes the machine before it fell asleep.
    mutating func statusReported(_ report: RunnerReport, now: ContinuousClock.Instant) -> Bool {
        if let pending {
            guard now >= pending.settledAt else { return false }
            self.pending = nil
        }
        isSupportedByAgent = report.isSleepable
        if !isSleepable { idleSince = nil }
        return true
    }

    /// Records why the machine did not fall asleep after the last sleep command.
    /// - Returns: whether the problem is new to the operator since the machine last slept.
    mutating func problemReported(_ reported: OperatorReason?) -> Bool {
        guard let reported else { return false }
        problem = reported
        guard reported != reportedProblem else { return false }
        reportedProblem = reported
        return true
    }

    mutating func fellAsleep() {
        problem = nil
        idleSince = nil
        if pending == nil { reportedProblem = nil }
    }

    mutating func becameReady() { pending = nil }

    mutating func connected() {
        pending = nil
        idleSince = nil
    }

    mutating func disconnected() { idleSince = nil }

    mutating func removed() { connected() }

    /// The machine of an agent without a connection has fallen asleep once the grace period has passed.
    mutating func timePassed(isConnected: Bool, now: ContinuousClock.Instant) {
        guard let deadline = nextDeadline(isConnected: isConnected), deadline <= now else { return }
        pending = nil
        reportedProblem = nil
    }
}
