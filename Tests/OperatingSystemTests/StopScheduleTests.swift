import Testing

@testable import OperatingSystem

struct StopScheduleTests {
    private let start = ContinuousClock.now

    @Test func aTimeoutWithoutGracePeriodKillsImmediatelyAndOnce() {
        var schedule = StopSchedule(startedAt: start, timeout: .seconds(30), gracePeriod: .zero)
        #expect(schedule.nextDeadline == start + .seconds(30))
        expect(schedule.signals(due: start + .seconds(29)), [])
        expect(schedule.signals(due: start + .seconds(30)), [.kill])
        #expect(schedule.didTimeOut)
        #expect(schedule.nextDeadline == nil)
        expect(schedule.signals(due: start + .seconds(60)), [])
        expect(schedule.stopRequested(at: start + .seconds(61)), [])
    }

    @Test func aStopTerminatesThenKills() {
        var schedule = StopSchedule(startedAt: start, timeout: nil, gracePeriod: .seconds(5))
        #expect(schedule.nextDeadline == nil)
        expect(schedule.stopRequested(at: start + .seconds(1)), [.terminate])
        expect(schedule.stopRequested(at: start + .seconds(2)), [])
        #expect(schedule.nextDeadline == start + .seconds(6))
        expect(schedule.signals(due: start + .seconds(5)), [])
        expect(schedule.signals(due: start + .seconds(6)), [.kill])
        expect(schedule.signals(due: start + .seconds(7)), [])
        #expect(schedule.wasStopped && !schedule.didTimeOut)
    }

    @Test func aStopEndsTheTimeout() {
        var schedule = StopSchedule(startedAt: start, timeout: .seconds(3), gracePeriod: .seconds(5))
        expect(schedule.stopRequested(at: start + .seconds(1)), [.terminate])
        expect(schedule.signals(due: start + .seconds(3)), [])
        #expect(!schedule.didTimeOut)
    }
}

/// `#expect` accepts no mutating call.
private func expect<Value: Equatable>(
    _ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, sourceLocation: sourceLocation)
}
