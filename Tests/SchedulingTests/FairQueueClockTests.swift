import SimpleAICore
import Testing

@testable import Scheduling

/// One runner's fair-queueing clock in isolation; `FairnessTests` covers its purpose.
@Suite struct FairQueueClockTests {
    private var clock = FairQueueClock()
    private var number: UInt64 = 10

    private func contender(_ name: String, priority: Int = 0, since: UInt64) -> FairQueueClock.Contender {
        FairQueueClock.Contender(
            caller: CallerID(subject: SubjectID(name), issuer: ""), cost: Priority(level: priority).fairQueueCost,
            since: since)
    }

    /// - Parameter elsewhere: the cost of callers' grants on other runners that counts here.
    private mutating func next(_ contenders: [FairQueueClock.Contender], elsewhere: [String: Int] = [:]) -> String? {
        number += 10
        let now = number
        let turn = clock.grantSlot(contenders, number: now) { caller, _ in
            // Each at a different instant.
            elsewhere[caller.subject.rawValue].map { ($0, now - UInt64(caller.subject.rawValue.utf8.count)) }
        }
        return turn.map { contenders[$0].caller.subject.rawValue }
    }

    @Test mutating func withoutContendersNoSlotIsGranted() {
        #expect(next([]) == nil)
    }

    @Test mutating func aGrantOnAnotherRunnerCounts() {
        let both = [contender("x", priority: 1, since: 1), contender("y", since: 2)]
        #expect(next(both, elsewhere: ["x": 16]) == "y")
        #expect(next(both) == "x")
    }

    /// Ten grants elsewhere delay a caller as much as one.
    @Test mutating func noVirtualFinishTimeIsMoreThanARoundAhead() {
        let both = [contender("x", since: 1), contender("y", since: 2)]
        #expect(next(both, elsewhere: ["x": 160]) == "y")
        #expect(next(both) == "x")
    }

    @Test mutating func grantsElsewhereDeferACallerByThreeRoundsAtMost() {
        let three = [contender("busy", since: 1), contender("y", since: 2), contender("z", since: 3)]
        var grants: [String] = []
        for _ in 0..<9 { grants.append(next(three, elsewhere: ["busy": 16]) ?? "") }
        #expect(grants.firstIndex(of: "busy") == 6)
    }
}
