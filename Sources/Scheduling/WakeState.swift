/// One wake of one machine: the packets sent, when the next is due, and when the wake times out.
struct WakeState: Hashable, Sendable {
    let id: WakeID
    let startedAt: ContinuousClock.Instant
    let deadline: ContinuousClock.Instant
    /// Number of packets that were due so far: sent, or skipped because no call waited.
    private(set) var packets = 0
    private(set) var nextPacketAt: ContinuousClock.Instant
    /// Number of failed attempts to send, as long as none has succeeded.
    private(set) var failedAttempts = 0
    private var wasAnySent = false
    /// Whether an operator requested the wake: it continues without waiting calls.
    private(set) var isRequestedByOperator: Bool
    /// Whether the machine was unreachable at some time since the wake started: only then is the duration a boot time.
    private(set) var isBoot: Bool
    /// Whether the host responded without a working engine.
    private(set) var hostResponded = false

    /// - Parameter wasObserved: whether evidence shows that the machine does not serve.
    init(
        id: WakeID, byOperator isRequestedByOperator: Bool, wasObserved: Bool, _ rules: WakeMachine.Rules,
        now: ContinuousClock.Instant
    ) {
        self.id = id
        self.isRequestedByOperator = isRequestedByOperator
        isBoot = wasObserved
        startedAt = now
        deadline = now.advanced(by: rules.timeout)
        nextPacketAt = now.advanced(by: rules.packetOffset(0))
    }

    mutating func operatorRequested() { isRequestedByOperator = true }

    mutating func machineUnreachable() { isBoot = true }

    /// The host responded, but its engine does not serve.
    mutating func engineUnavailable() {
        isBoot = true
        hostResponded = true
    }

    mutating func packetAttempted(succeeded: Bool) {
        if succeeded { wasAnySent = true }
        failedAttempts = wasAnySent ? 0 : failedAttempts + 1
    }

    /// The number of the packet that is due, from 0; nil if none is due. Packets that a late timer missed are skipped,
    /// not sent in a burst.
    mutating func takeDuePacket(now: ContinuousClock.Instant, offset: (Int) -> Duration) -> Int? {
        guard now >= nextPacketAt else { return nil }
        repeat {
            packets += 1
            nextPacketAt = startedAt.advanced(by: offset(packets))
        } while nextPacketAt <= now
        return packets - 1
    }
}
