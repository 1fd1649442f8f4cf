/// One wake of one machine: how many packets are out, when the next is due, and when we stop hoping.
struct WakeState: Hashable, Sendable {
    let id: WakeID
    let startedAt: ContinuousClock.Instant
    let deadline: ContinuousClock.Instant
    /// Packets that were due so far, sent or (when nobody waited any more) left out.
    private(set) var packets = 0
    private(set) var nextPacketAt: ContinuousClock.Instant
    /// Attempts to send something that could not be made, as long as none could.
    private(set) var failedAttempts = 0
    private var somethingWasSent = false
    /// An operator wants it, whether anybody waits for it or not.
    var isOrdered = false
    /// The machine was not there at some time since the wake started: what it takes is the time of a boot.
    var isBoot = true
    /// The host answered, without an engine that serves.
    var hostResponded = false

    /// - Parameter offset: when the n-th packet is due, from the start, counted from 0; grows without bound.
    init(id: WakeID, now: ContinuousClock.Instant, timeout: Duration, offset: (Int) -> Duration) {
        self.id = id
        startedAt = now
        deadline = now.advanced(by: timeout)
        nextPacketAt = now.advanced(by: offset(0))
    }

    mutating func attempted(succeeded: Bool) {
        if succeeded { somethingWasSent = true }
        failedAttempts = somethingWasSent ? 0 : failedAttempts + 1
    }

    /// The number of the packet that is due, counted from 0; nil when none is. Packets that a late timer missed are left
    /// out rather than sent in a burst.
    mutating func takeDuePacket(now: ContinuousClock.Instant, offset: (Int) -> Duration) -> Int? {
        guard now >= nextPacketAt else { return nil }
        repeat {
            packets += 1
            nextPacketAt = startedAt.advanced(by: offset(packets))
        } while nextPacketAt <= now
        return packets - 1
    }
}
