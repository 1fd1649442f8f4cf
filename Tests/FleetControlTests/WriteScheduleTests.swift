import Testing

@testable import FleetControl

struct WriteScheduleTests {
    private let start = ContinuousClock.now

    @Test func requestsDuringAWriteAreCombined() {
        var schedule = WriteSchedule()
        expect(schedule.updateRequested(at: start), .check)
        for _ in 1...100 { expect(schedule.updateRequested(at: start), nil) }
        expect(schedule.checkEnded(at: start, duration: .milliseconds(1), isWritten: true), .wait(.seconds(1)))
        for _ in 1...100 { expect(schedule.updateRequested(at: start), nil) }
        expect(schedule.waitEnded(), .check)
        expect(schedule.checkEnded(at: start, duration: .milliseconds(1), isWritten: true), nil)
        #expect(!schedule.isChecking)
    }

    @Test func aLargeFileIsWrittenRarely() {
        var schedule = WriteSchedule()
        expect(schedule.updateRequested(at: start), .check)
        expect(schedule.checkEnded(at: start, duration: .seconds(3), isWritten: true), nil)
        expect(schedule.updateRequested(at: start + .seconds(10)), .wait(.seconds(50)))
        expect(schedule.waitEnded(), .check)
        expect(schedule.checkEnded(at: start, duration: .seconds(3_000), isWritten: true), nil)
        expect(schedule.updateRequested(at: start), .wait(.seconds(300)))
    }

    @Test func failedWritesAreRetriedWithBackoff() {
        var schedule = WriteSchedule()
        expect(schedule.updateRequested(at: start), .check)
        for seconds in [5, 10, 20, 40, 60, 60] {
            expect(schedule.checkEnded(at: start, duration: .zero, isWritten: false), .wait(.seconds(seconds)))
            expect(schedule.waitEnded(), .check)
        }
        expect(schedule.checkEnded(at: start, duration: .zero, isWritten: true), nil)
    }

    @Test func aShutdownWaitsForNoDistance() {
        var schedule = WriteSchedule()
        expect(schedule.updateRequested(at: start), .check)
        expect(schedule.updateRequested(at: start), nil)
        expect(schedule.writeImmediately(), nil)
        expect(schedule.checkEnded(at: start, duration: .seconds(3), isWritten: true), .check)
        expect(schedule.checkEnded(at: start, duration: .seconds(3), isWritten: true), nil)
        schedule.immediateWriteEnded()
        expect(schedule.updateRequested(at: start), .wait(.seconds(60)))
        expect(schedule.writeImmediately(), .check)
        // No write is pending, and none is repeated.
        expect(schedule.waitEnded(), nil)
    }
}

/// `#expect` accepts no mutating call.
private func expect<Value: Equatable>(
    _ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, sourceLocation: sourceLocation)
}
