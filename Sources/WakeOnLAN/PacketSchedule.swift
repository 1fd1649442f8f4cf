/// When the packets of one wake are sent, as offsets from its start: first a few close together, because one packet is
/// often lost, then one every `interval` until the deadline. A value without a clock and without an end in memory.
public struct PacketSchedule: Hashable, Sendable {
    /// Ascending, never empty.
    public let firstOffsets: [Duration]
    public let interval: Duration
    /// No packet is sent at or after this offset.
    public let deadline: Duration

    /// Offsets may come in any order; without any, the first packet goes out at once. An interval below a millisecond
    /// is taken as one: no schedule may flood a network.
    public init(
        firstOffsets: [Duration] = [0, 1, 3, 7, 15].map { .seconds($0) }, interval: Duration = .seconds(15),
        deadline: Duration = .seconds(90)
    ) {
        self.firstOffsets = firstOffsets.isEmpty ? [.zero] : firstOffsets.sorted()
        self.interval = max(interval, .milliseconds(1))
        self.deadline = deadline
    }

    /// The offset of a packet, counted from 0, whether or not the deadline lets it be sent.
    public func offset(ofPacket number: Int) -> Duration {
        if firstOffsets.indices.contains(number) { return firstOffsets[number] }
        return lastOffset + interval * (number - firstOffsets.count + 1)
    }

    /// The offset of the first packet that is due later than `elapsed`, or nil if the deadline comes before it. Packets
    /// that a late timer missed are left out rather than sent in a burst.
    public func next(after elapsed: Duration) -> Duration? {
        let next = firstOffsets.first { $0 > elapsed } ?? regularOffset(after: elapsed)
        return next < deadline ? next : nil
    }

    private func regularOffset(after elapsed: Duration) -> Duration {
        let passed = Int((elapsed - lastOffset) / interval)
        let candidate = lastOffset + interval * (passed + 1)
        // The quotient is a floating-point number and may be off by one next to a multiple.
        return candidate > elapsed ? candidate : candidate + interval
    }

    private var lastOffset: Duration { firstOffsets[firstOffsets.count - 1] }
}
