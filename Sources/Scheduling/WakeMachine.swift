import SimpleAICore

/// The wakes of one machine, one at a time.
///
///     idle –started→ in progress –machineReady→ idle
///                        └–failed (after `timedOut` or `giveUp`)→ backing off –started→ in progress
///
/// Packets are due at the times that the rules state. A wake that neither a call waits for nor an operator
/// requested sends no more packets, but is not cancelled: the machine boots anyway.
struct WakeMachine: Hashable, Sendable {
    struct Rules: Sendable {
        let timeout: Duration
        /// Time after a failed wake before a call may start the next one.
        let backOff: Duration
        /// A wake fails after this number of attempts if none of them could be sent.
        let maxFailedAttempts: Int
        /// When packet n (from 0) is sent, from the start of the wake; grows without bound.
        let packetOffset: @Sendable (Int) -> Duration
    }

    enum TimeAction: Hashable {
        case none
        case sendPacket(number: Int)
        /// The deadline has passed: `failed` has to follow.
        case timedOut(packets: Int)
    }

    enum AttemptAction: Hashable {
        case none
        /// None of the first packets could be sent: `failed` has to follow.
        case giveUp
    }

    struct Ended: Hashable {
        let id: WakeID
        let duration: Duration
        let succeeded: Bool
    }

    /// The wake in progress.
    private(set) var current: WakeState?
    /// The latest wake that was started.
    private(set) var last: PreviousWake?
    /// When a call may start the next wake after a failed one; nil if no wake failed.
    private(set) var notBefore: ContinuousClock.Instant?
    private(set) var bootTime: BootTime
    /// Number of failed wakes, since the machine last served, in which the host responded but its engine did not.
    private var failuresWithHostInARow = 0

    init(bootTime: BootTime = BootTime()) {
        self.bootTime = bootTime
    }

    // MARK: Queries

    /// Whether a call may start a wake, as far as earlier wakes decide.
    func permitsWake(now: ContinuousClock.Instant) -> Bool { current == nil && !isBackingOff(now: now) }

    func isBackingOff(now: ContinuousClock.Instant) -> Bool { notBefore.map { $0 > now } ?? false }

    var nextDeadline: ContinuousClock.Instant? { current.map { min($0.deadline, $0.nextPacketAt) } }

    /// Expected time until the machine can serve if it is asleep or waking; nil until a wake has succeeded.
    func eta(now: ContinuousClock.Instant) -> Duration? {
        guard let mean = bootTime.mean else { return nil }
        return current.map { max(.zero, mean - $0.startedAt.duration(to: now)) } ?? mean
    }

    // MARK: Events

    /// - Parameter wasObserved: whether evidence shows that the machine does not serve. Otherwise the duration of the
    ///   wake is learned as a boot time only if such evidence follows.
    /// - Returns: the number of the packet that is due immediately, if any.
    mutating func started(
        _ id: WakeID, byOperator: Bool, wasObserved: Bool, _ rules: Rules, now: ContinuousClock.Instant
    ) -> Int? {
        var wake = WakeState(id: id, byOperator: byOperator, wasObserved: wasObserved, rules, now: now)
        let packet = wake.takeDuePacket(now: now, offset: rules.packetOffset)
        current = wake
        last = PreviousWake(id: id, startedAt: now)
        notBefore = nil
        return packet
    }

    /// An operator requested a wake while one is in progress.
    mutating func operatorRequested() { current?.operatorRequested() }

    /// - Parameter isWanted: whether calls wait for this wake.
    mutating func timePassed(isWanted: Bool, _ rules: Rules, now: ContinuousClock.Instant) -> TimeAction {
        guard var wake = current else { return .none }
        guard now < wake.deadline else { return .timedOut(packets: wake.packets) }
        let due = wake.takeDuePacket(now: now, offset: rules.packetOffset)
        current = wake
        guard let due, isWanted || wake.isRequestedByOperator else { return .none }
        return .sendPacket(number: due)
    }

    /// - Parameter id: the wake that the attempt belongs to; attempts of earlier wakes are ignored.
    mutating func packetAttempted(_ id: WakeID, succeeded: Bool, _ rules: Rules) -> AttemptAction {
        guard current?.id == id else { return .none }
        current?.packetAttempted(succeeded: succeeded)
        guard !succeeded, let failures = current?.failedAttempts, failures >= rules.maxFailedAttempts else {
            return .none
        }
        return .giveUp
    }

    mutating func machineUnreachable() { current?.machineUnreachable() }

    /// The host responded, but its engine does not serve.
    mutating func engineUnavailable() { current?.engineUnavailable() }

    /// The machine takes calls again.
    mutating func machineReady(now: ContinuousClock.Instant) -> Ended? {
        failuresWithHostInARow = 0
        notBefore = nil
        let isBoot = current?.isBoot ?? false
        guard let ended = end(succeeded: true, now: now) else { return nil }
        if isBoot { bootTime.learn(ended.duration) }
        return ended
    }

    /// The machine has not slept, because its sleep command failed: the duration is no boot time.
    mutating func sleepRefused(now: ContinuousClock.Instant) -> Ended? { end(succeeded: true, now: now) }

    /// The backoff grows with each failed wake in which the host responded but its engine did not: the engine has
    /// crashed, and no packet helps.
    mutating func failed(_ rules: Rules, now: ContinuousClock.Instant) -> Ended? {
        guard let wake = current else { return nil }
        var factor = 1
        if wake.hostResponded {
            factor = 1 << min(failuresWithHostInARow, 4)
            failuresWithHostInARow += 1
        }
        notBefore = now.advanced(by: rules.backOff * factor)
        return end(succeeded: false, now: now)
    }

    mutating func runnerRemoved(now: ContinuousClock.Instant) -> Ended? { end(succeeded: false, now: now) }

    private mutating func end(succeeded: Bool, now: ContinuousClock.Instant) -> Ended? {
        guard let wake = current else { return nil }
        current = nil
        let duration = wake.startedAt.duration(to: now)
        last?.ended(after: duration, succeeded: succeeded)
        return Ended(id: wake.id, duration: duration, succeeded: succeeded)
    }
}
