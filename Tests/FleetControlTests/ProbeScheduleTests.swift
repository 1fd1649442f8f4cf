import NIOCore
import Settings
import SimpleAICore
import Testing

@testable import FleetControl

@Suite struct ProbeScheduleTests {
    private let now = NIODeadline.uptimeNanoseconds(60_000_000_000)

    /// - Parameter foundAtFirst: the result of its first, urgent probe.
    private func schedule(
        isUrgent: Bool = false, foundAtFirst: Bool = true, _ change: (inout Settings.StaticRunner) -> Void = { _ in }
    ) -> ProbeSchedule {
        var runner = Settings.StaticRunner(id: "r", url: "http://127.0.0.1:1")
        runner.models = ["m"]
        runner.probe.every = .seconds(10)
        change(&runner)
        var schedule = ProbeSchedule(runner, urgentInterval: .milliseconds(500), fraction: 0.6)
        _ = schedule.nextWait(isUp: foundAtFirst)
        schedule.isUrgent = isUrgent
        return schedule
    }

    @Test func eachRunnerHasItsOwnOffsetAndEqualIntervals() {
        var schedule = schedule()
        #expect(schedule.nextWait(isUp: true) == .seconds(6))
        for isUp in [true, false, true] { #expect(schedule.nextWait(isUp: isUp) == .seconds(10)) }
    }

    @Test func urgentProbesAreFrequentAndEndWithANewOffset() {
        var schedule = schedule()
        for _ in 1...2 { _ = schedule.nextWait(isUp: true) }
        schedule.isUrgent = true
        for _ in 1...3 { #expect(schedule.nextWait(isUp: false) == .milliseconds(500)) }
        schedule.isUrgent = false
        #expect(schedule.nextWait(isUp: true) == .seconds(6))
        #expect(schedule.nextWait(isUp: true) == .seconds(10))
    }

    @Test func offsetsAreSpreadOverTheLaterHalf() {
        var runner = Settings.StaticRunner(id: "r", url: "http://127.0.0.1:1")
        runner.probe.every = .seconds(10)
        let waits = (1...100).map { _ in
            var schedule = ProbeSchedule(runner, urgentInterval: .milliseconds(500))
            schedule.isUrgent = false
            return schedule.nextWait(isUp: true)
        }
        #expect(waits.allSatisfy { $0 >= .seconds(5) && $0 <= .seconds(10) })
        #expect(Set(waits).count > 50)
    }

    @Test(arguments: [(ago: Int64(0), left: Int64?(6)), (2, 4), (5, 1), (6, nil), (50, nil)])
    func aServedCallPostponesTheProbe(ago: Int64, left: Int64?) {
        #expect(schedule().remainingDeferral(servedAt: now - .seconds(ago), now: now) == left.map { .seconds($0) })
    }

    /// Calls may still end successfully on a machine that counts as unreachable. Only a successful probe makes it
    /// reachable again.
    @Test func anAbsentRunnerIsProbedRegardlessOfServedCalls() {
        var schedule = schedule(foundAtFirst: false)
        #expect(schedule.remainingDeferral(servedAt: now, now: now) == nil)
        _ = schedule.nextWait(isUp: true)
        #expect(schedule.remainingDeferral(servedAt: now, now: now) != nil)
        _ = schedule.nextWait(isUp: false)
        #expect(schedule.remainingDeferral(servedAt: now, now: now) == nil)
    }

    @Test func anIdleRunnerIsProbed() {
        #expect(schedule().remainingDeferral(servedAt: nil, now: now) == nil)
    }

    @Test func requestsAProbeWhereOnlyAProbeDecides() {
        for asked in [schedule { $0.models = [] }, schedule { $0.probe.path = "/health" }, schedule(isUrgent: true)] {
            #expect(asked.remainingDeferral(servedAt: now, now: now) == nil)
        }
    }
}
