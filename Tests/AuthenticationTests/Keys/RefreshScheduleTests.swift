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

    @Test func aDemandBringsAFetchForwardOncePerCooldown() {
        var schedule = running(refreshedAt: start)
        #expect(schedule.demanded(at: start + .seconds(1)) == .wake)
        #expect(schedule.isOnDemand)
        #expect(schedule.due == start + .seconds(1))
        #expect(schedule.demanded(at: start + .seconds(2)) == .join)
        schedule.fetchBegan()
        #expect(schedule.demanded(at: start + .seconds(3)) == .join)
        schedule.fetchSucceeded(at: start + .seconds(4))
        #expect(!schedule.isOnDemand)
        #expect(schedule.demanded(at: start + .seconds(30)) == .refused)
        #expect(schedule.due == start + .seconds(604))
        #expect(schedule.demanded(at: start + .seconds(31)) == .wake)
    }

    @Test func aFailedDemandCountsForTheCooldownToo() {
        var schedule = running(refreshedAt: start)
        #expect(schedule.demanded(at: start) == .wake)
        schedule.fetchBegan()
        schedule.fetchFailed(at: start)
        #expect(schedule.demanded(at: start) == .refused)
    }

    @Test func nothingIsFetchedForDemandsWhileStopped() {
        var schedule = running(refreshedAt: start)
        schedule.stopped()
        #expect(schedule.demanded(at: start + .seconds(100)) == .refused)
        #expect(schedule.due == nil)
    }
}
