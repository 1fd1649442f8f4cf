/// The send times of one wake's packets, as offsets from its start: first a few close together, because single packets
/// are often lost, then one every `interval` until the deadline. It has no clock and stores only the first offsets.
public struct PacketSchedule: Hashable, Sendable {
    /// Ascending, never empty.
    public let firstOffsets: [Duration]
    public let interval: Duration
    /// No packet is sent at or after this offset.
    public let deadline: Duration

    /// Offsets may have any order; without any, the first packet is sent immediately. An interval below one millisecond
    /// becomes one millisecond, so that no schedule floods a network.
    public init(
        firstOffsets: [Duration] = [0, 1, 3, 7, 15].map { .seconds($0) }, interval: Duration = .seconds(15),
        deadline: Duration = .seconds(90)
    ) {
        self.firstOffsets = firstOffsets.isEmpty ? [.zero] : firstOffsets.sorted()
        self.interval = max(interval, .milliseconds(1))
        self.deadline = deadline
    }

    /// The offset of a packet, counted from 0, even if it is beyond the deadline.
    public func offset(ofPacket number: Int) -> Duration {
        if firstOffsets.indices.contains(number) { return firstOffsets[number] }
        return lastOffset + interval * (number - firstOffsets.count + 1)
    }

    /// The offset of the first packet that is due later than `elapsed`, or nil if the deadline comes first. Packets
    /// that a late timer missed are skipped, not sent in a burst.
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
