import SimpleAICore
import Testing

@testable import FleetControl

@Suite struct AgentRosterTests {
    private let start = ContinuousClock.now
    private static let hostile = AgentRoster.Holder.address(.v4(1))
    private static let home = AgentRoster.Holder.address(.v4(2))

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    /// - Returns: how many of them are accepted.
    private func join(
        _ count: Int, _ prefix: String, of holder: AgentRoster.Holder, size: Int = 1_000, _ roster: inout AgentRoster,
        isWakeable: Bool = false
    ) -> Int {
        (0..<count).count { number in
            let id = RunnerID("\(prefix)\(number)")
            return roster.joined(id, holder, size: size, canBeWoken: isWakeable).refusal == nil
        }
    }

    @Test func anAddressWithTheSharedTokenHasItsShareOfAgents() {
        var roster = AgentRoster()
        #expect(join(2_000, "h", of: Self.hostile, &roster) == AgentRoster.maxAgents / 2)
        #expect(join(100, "a", of: Self.home, &roster) == 100)
        #expect(roster.joined("own", .agent("own"), size: 1_000, canBeWoken: false).refusal == nil)
    }

    /// Reproduces a case in which 97 agents with a megabyte of model names each took 400 MiB.
    @Test func anAddressWithTheSharedTokenHasItsShareOfMemory() {
        var roster = AgentRoster()
        let taken = join(97, "h", of: Self.hostile, size: 1 << 20, &roster)
        #expect(taken == 8)
        #expect(roster.size <= AgentRoster.maxSize.bytes / 2)
        #expect(join(50, "a", of: Self.home, size: 20_000, &roster) == 50)
        #expect(roster.joined("h96", Self.hostile, size: 1 << 20, canBeWoken: false).refusal == .tooLarge)
    }

    @Test func behindATrustedProxyThereMayBeAnyNumber() {
        var roster = AgentRoster()
        #expect(join(2_000, "p", of: .proxy, &roster) == AgentRoster.maxAgents)
    }

    @Test func anOversizedRegistrationKeepsThePreviousOne() {
        var roster = AgentRoster()
        #expect(roster.joined("a", Self.home, size: 1_000, canBeWoken: true).refusal == nil)
        #expect(roster.changed("a", size: AgentRoster.maxSize.bytes) == false)
        #expect(roster.size == 1_000)
        #expect(roster.changed("a", size: 5_000) == true)
        #expect(roster.size == 5_000)
        #expect(roster.joined("a", Self.home, size: 64 << 20, canBeWoken: true).refusal == .tooLarge)
        #expect(roster.knows("a") && roster.size == 5_000)
    }

    @Test func disconnectedAgentsAreEvictedLeastUsefulFirst() {
        var roster = AgentRoster()
        #expect(join(508, "h", of: Self.hostile, &roster) == 508)
        for (id, isWakeable, hasServed, gone) in [
            ("served, wakeable", true, true, 1), ("new, wakeable", true, false, 2), ("served", false, true, 3),
            ("new", false, false, 4),
        ] {
            #expect(roster.joined(RunnerID(id), Self.hostile, size: 1, canBeWoken: isWakeable).refusal == nil)
            roster.left(RunnerID(id), hasServed: hasServed, now: at(gone))
        }
        var forgotten: [RunnerID] = []
        for number in 0..<5 {
            let outcome = roster.joined(RunnerID("x\(number)"), Self.hostile, size: 1, canBeWoken: false)
            forgotten += outcome.forgotten
            #expect((outcome.refusal == nil) == (number < 4))
        }
        #expect(forgotten == ["new", "new, wakeable", "served", "served, wakeable"])
    }

    /// An address beyond its share displaces its own remembered machines, not those of another address.
    @Test func anOwnerBeyondItsShareEvictsItsOwnEntries() {
        var roster = AgentRoster()
        #expect(join(10, "a", of: Self.home, &roster) == 10)
        for number in 0..<10 { roster.left(RunnerID("a\(number)"), hasServed: false, now: start) }
        #expect(join(600, "h", of: Self.hostile, &roster) < 600)
        for number in 0..<10 { #expect(roster.knows(RunnerID("a\(number)"))) }
    }

    @Test func longDisconnectedAgentsAreForgotten() {
        let hour = 3_600
        let table: [(isWakeable: Bool, hasServed: Bool, lifetime: Int)] = [
            (false, false, hour), (false, true, 24 * hour), (true, false, 7 * 24 * hour), (true, true, 90 * 24 * hour),
        ]
        for row in table {
            var roster = AgentRoster()
            #expect(roster.joined("a", Self.home, size: 1, canBeWoken: row.isWakeable).refusal == nil)
            roster.left("a", hasServed: row.hasServed, now: start)
            #expect(roster.expire(now: at(row.lifetime - 1)) == [])
            #expect(roster.expire(now: at(row.lifetime)) == ["a"])
            #expect(roster.count == 0 && roster.size == 0)
        }
    }

    @Test func connectedAgentsAreNeverEvicted() {
        var roster = AgentRoster()
        #expect(join(500, "a", of: Self.home, &roster) == 500)
        roster.left("a0", hasServed: false, now: start)
        #expect(roster.joined("a0", Self.home, size: 1, canBeWoken: false).refusal == nil)
        #expect(roster.expire(now: at(1_000 * 86_400)) == [])
    }

    @Test func fewAgentsThatNeverServedAreRemembered() {
        var roster = AgentRoster()
        #expect(join(300, "a", of: Self.home, &roster, isWakeable: true) == 300)
        for number in 0..<300 { roster.left(RunnerID("a\(number)"), hasServed: number < 10, now: at(number)) }
        let forgotten = roster.expire(now: at(400))
        #expect(forgotten.count == 290 - AgentRoster.maxUnproven)
        #expect(!forgotten.contains("a5") && !forgotten.contains("a299"))
    }
}
