import Testing

@testable import Authentication

@Suite struct RefreshScheduleTests {
    private let start = ContinuousClock.now

    private func schedule() -> RefreshSchedule {
        RefreshSchedule(every: .seconds(600), cooldown: .seconds(30), firstRetry: .seconds(1), lastRetry: .seconds(30))
    }

    private func running(refreshedAt now: ContinuousClock.Instant) -> RefreshSchedule {
        var schedule = schedule()
        schedule.started(at: now)
        schedule.fetchBegan()
        schedule.fetchSucceeded(at: now)
        return schedule
    }

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func fetchesAtTheStartAndThenByAge() {
        var schedule = schedule()
        #expect(schedule.due == nil)
        schedule.started(at: start)
        #expect(schedule.due == start)
        schedule.fetchBegan()
        #expect(schedule.due == nil)
        schedule.fetchSucceeded(at: start + .seconds(1))
        #expect(schedule.due == start + .seconds(601))
    }

    @Test func pausesGrowWithFailuresAndShrinkWithSuccess() {
        var schedule = schedule()
        schedule.started(at: start)
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            schedule.fetchBegan()
            schedule.fetchFailed(at: start)
            #expect(schedule.due == start + .seconds(pause))
        }
        schedule.fetchSucceeded(at: start)
        schedule.fetchFailed(at: start)
        #expect(schedule.due == start + .seconds(1))
    }

    @Test func aDemandBringsAFetchForward() {
        var schedule = running(refreshedAt: start)
        #expect(schedule.fetchRequested(at: at(1)) == .init(dueAt: at(1), isBroughtForward: true))
        #expect(schedule.isOnDemand)
        #expect(schedule.due == at(1))
        // Other demands join it, before it begins and while it runs.
        #expect(schedule.fetchRequested(at: at(2)) == .init(dueAt: at(1), isBroughtForward: false))
        schedule.fetchBegan()
        #expect(schedule.fetchRequested(at: at(3)) == .init(dueAt: at(3), isBroughtForward: false))
        schedule.fetchSucceeded(at: at(4))
        #expect(!schedule.isOnDemand)
        #expect(schedule.due == at(604))
    }

    /// After any number of demands, the next one is met immediately or within an interval.
    @Test func demandsBeyondTheBurstAreMetOncePerInterval() {
        var schedule = running(refreshedAt: start)
        var due: [ContinuousClock.Instant] = []
        for _ in 0..<7 {
            let now = due.last ?? start
            for _ in 0..<3 {
                let demand = schedule.fetchRequested(at: now)
                #expect(demand?.dueAt == schedule.due)
            }
            due.append(schedule.due ?? now)
            schedule.fetchBegan()
            schedule.fetchSucceeded(at: due.last ?? now)
        }
        #expect(due == [start, start, start, start, at(6), at(12), at(18)])
        // The allowance is refilled with time, up to the burst and no further.
        for _ in 0..<RefreshSchedule.maxBurst {
            #expect(schedule.fetchRequested(at: at(500))?.dueAt == at(500))
            schedule.fetchBegan()
            schedule.fetchSucceeded(at: at(500))
        }
        #expect(schedule.fetchRequested(at: at(500)) == .init(dueAt: at(506), isBroughtForward: true))
        #expect(schedule.fetchRequested(at: at(503)) == .init(dueAt: at(506), isBroughtForward: false))
    }

    @Test func aDemandJoinsAFetchThatIsDueEarlier() {
        var schedule = running(refreshedAt: start)
        for _ in 0..<RefreshSchedule.maxBurst {
            _ = schedule.fetchRequested(at: start)
            schedule.fetchBegan()
            schedule.fetchSucceeded(at: start)
        }
        _ = schedule.fetchRequested(at: start)
        schedule.fetchBegan()
        schedule.fetchFailed(at: at(7))
        // The retry after the failure is due before the next demand would be.
        #expect(schedule.fetchRequested(at: at(7)) == .init(dueAt: at(8), isBroughtForward: false))
        #expect(!schedule.isOnDemand)
    }

    @Test func aFailureDoesNotForbidDemands() {
        var schedule = running(refreshedAt: start)
        for pause in [1.0, 2, 4] {
            _ = schedule.fetchRequested(at: start)
            schedule.fetchBegan()
            schedule.fetchFailed(at: start)
            #expect(schedule.due == at(pause))
        }
        #expect(schedule.fetchRequested(at: start) == .init(dueAt: start, isBroughtForward: true))
    }

    @Test func nothingIsFetchedForDemandsWhileStopped() {
        var schedule = running(refreshedAt: start)
        schedule.stopped()
        #expect(schedule.fetchRequested(at: start + .seconds(100)) == nil)
        #expect(schedule.due == nil)
    }
}
