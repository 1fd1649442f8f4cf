import Testing

@testable import WakeOnLAN

@Suite struct PacketScheduleTests {
    @Test func offsetsGrowAndThenRepeatEveryFifteenSeconds() {
        let schedule = PacketSchedule()
        let offsets = (0..<9).map { schedule.offset(ofPacket: $0) }
        #expect(offsets == [0, 1, 3, 7, 15, 30, 45, 60, 75].map { .seconds($0) })
        #expect(schedule.offset(ofPacket: 1_000_004) == .seconds(15 + 15 * 1_000_000))
    }

    @Test func nextWalksTheSameOffsetsUntilTheDeadline() {
        let schedule = PacketSchedule(deadline: .seconds(90))
        var walked: [Duration] = [schedule.offset(ofPacket: 0)]
        while let next = schedule.next(after: walked[walked.count - 1]) { walked.append(next) }
        #expect(walked == (0..<9).map { schedule.offset(ofPacket: $0) })
    }

    @Test(arguments: [
        (0.2, 1.0), (1.0, 3.0), (6.999, 7.0), (15.0, 30.0), (29.999, 30.0), (30.0, 45.0), (31.0, 45.0), (74.9, 75.0),
    ])
    func lateTimersSkipWhatTheyMissed(_ elapsed: Double, _ expected: Double) {
        #expect(PacketSchedule().next(after: .seconds(elapsed)) == .seconds(expected))
    }

    @Test func noPacketAtTheDeadline() {
        #expect(PacketSchedule(deadline: .seconds(75)).next(after: .seconds(60)) == nil)
        #expect(PacketSchedule(deadline: .seconds(76)).next(after: .seconds(60)) == .seconds(75))
        #expect(PacketSchedule(deadline: .milliseconds(500)).next(after: .zero) == nil)
    }

    @Test func ownOffsetsAreSorted() {
        let schedule = PacketSchedule(firstOffsets: [.seconds(2), .milliseconds(10)], interval: .milliseconds(100))
        #expect(schedule.offset(ofPacket: 0) == .milliseconds(10))
        #expect(schedule.offset(ofPacket: 2) == .milliseconds(2_100))
    }

    /// Next to every multiple of the interval, where rounding could repeat or skip a packet.
    @Test func everyPacketIsDueExactlyOnce() {
        let interval = Duration.milliseconds(333)
        let schedule = PacketSchedule(firstOffsets: [.zero], interval: interval, deadline: .seconds(100_000))
        for number in 0..<10_000 {
            #expect(schedule.next(after: schedule.offset(ofPacket: number)) == schedule.offset(ofPacket: number + 1))
        }
    }

    @Test func theIntervalIsAtLeastOneMillisecond() {
        let schedule = PacketSchedule(firstOffsets: [], interval: .zero)
        #expect(schedule.offset(ofPacket: 0) == .zero)
        #expect(schedule.next(after: .zero) == .milliseconds(1))
    }
}
