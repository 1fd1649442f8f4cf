/// One wake of one machine: how many packets are out, when the next is due, and when we stop hoping.
struct WakeState: Hashable, Sendable {
    let id: WakeID
    let startedAt: ContinuousClock.Instant
    let deadline: ContinuousClock.Instant
    /// Packets that were due so far, sent or (when nobody waited any more) left out.
    private(set) var packets = 0
    private(set) var nextPacketAt: ContinuousClock.Instant

    /// - Parameter offset: when the n-th packet is due, from the start, counted from 0; grows without bound.
    init(id: WakeID, now: ContinuousClock.Instant, timeout: Duration, offset: (Int) -> Duration) {
        self.id = id
        startedAt = now
        deadline = now.advanced(by: timeout)
        nextPacketAt = now.advanced(by: offset(0))
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

/// How long a machine takes from the first packet to its runner's first answer: an exponentially weighted mean.
public struct BootTime: Hashable, Sendable {
    /// Nil until the first wake was seen through.
    public private(set) var mean: Duration?

    public init(mean: Duration? = nil) { self.mean = mean }

    /// A quarter of the weight goes to the newest wake.
    mutating func learn(_ time: Duration) {
        mean = mean.map { $0 * 3 / 4 + time / 4 } ?? time
    }
}
