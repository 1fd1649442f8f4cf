import SimpleAICore
import Testing

@testable import Scheduling

/// Each event of an agent's connection in each state, and what an agent's events mean to its state machines.
@Suite struct AgentLivenessTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }

    @Test func aDisconnectedAgentHasAGracePeriod() {
        var agent = AgentLiveness()
        #expect(!agent.isConnected && !agent.timePassed(now: Self.at(99)))
        agent.connected()
        #expect(agent.isConnected && agent.graceExpiresAt == nil)
        agent.disconnected(gracePeriod: .seconds(5), now: Self.at(10))
        #expect(!agent.isConnected && agent.graceExpiresAt == Self.at(15))
        #expect(agent.timePassed(now: Self.at(14)) == false)
        #expect(agent.timePassed(now: Self.at(15)) == true)
        #expect(agent.timePassed(now: Self.at(16)) == false, "it ends once")
    }

    @Test func anAgentThatReturnsEndsItsGracePeriod() {
        var agent = AgentLiveness()
        agent.restored(gracePeriod: .seconds(5), now: Self.at(0))
        #expect(!agent.isConnected && agent.graceExpiresAt == Self.at(5))
        agent.connected()
        #expect(agent.timePassed(now: Self.at(9)) == false)
    }

    @Test func aMachineThatIsAsleepHasNoGracePeriod() {
        var agent = AgentLiveness()
        agent.connected()
        agent.disconnected(gracePeriod: nil, now: Self.at(0))
        #expect(!agent.isConnected && agent.graceExpiresAt == nil)
    }

    @Test func aRemovedAgentHasNoGracePeriod() {
        var agent = AgentLiveness()
        agent.restored(gracePeriod: .seconds(5), now: Self.at(0))
        agent.removed()
        #expect(agent.timePassed(now: Self.at(5)) == false)
    }

    // MARK: The other state machines of a runner with an agent

    private static let rules = SleepMachine.Rules(gracePeriod: .seconds(30), commandTimeout: .seconds(35))

    /// A runner whose agent has a load, a sleep command, a check and a grace period in progress.
    private func busy() -> SchedulerState.Record {
        var record = SchedulerState.Record(Runner(id: "a"), rememberedModels: [], bootTime: .init())
        var (agent, requests) = (AgentState(), RequestSequence())
        agent.liveness.restored(gracePeriod: .seconds(50), now: Self.at(0))
        _ = record.sleep.statusReported(RunnerReport(isSleepable: true), now: Self.at(0))
        record.sleep.activityChanged(isIdle: true, now: Self.at(0))
        _ = agent.loads.requested("m", timeout: .seconds(40), &requests, now: Self.at(0))
        record.sleep.commanded(requests.next(), .agent, Self.rules, now: Self.at(0))
        agent.check.fellAsleep()
        let request = requests.next()
        agent.check.started(request)
        _ = agent.check.completed(request, succeeded: false, now: Self.at(18))
        record.agent = agent
        return record
    }

    @Test func theNextDeadlineIsTheEarliest() {
        var record = busy()
        #expect(record.nextAgentDeadline == Self.at(20))
        record.agent?.check.engineRefused()
        #expect(record.nextAgentDeadline == Self.at(30))
        record.sleep.becameReady()
        #expect(record.nextAgentDeadline == Self.at(40))
        record.agent?.loads.connectionChanged()
        #expect(record.nextAgentDeadline == Self.at(50))
        record.agent?.liveness.connected()
        #expect(record.nextAgentDeadline == nil)
    }

    @Test func aConnectedAgentsReportDecidesWhetherItSlept() {
        var record = busy()
        record.agent?.check.engineRefused()
        record.agent?.loads.connectionChanged()
        record.agent?.liveness.connected()
        #expect(record.sleep.pending != nil && record.nextAgentDeadline == nil)
    }

    @Test func aNewConnectionVoidsWhatWasSentOverTheOldOne() throws {
        var record = busy()
        record.agentConnected(try #require(record.agent))
        let agent = try #require(record.agent)
        #expect(agent.liveness.isConnected && agent.loads.current == nil && record.sleep.pending == nil)
        #expect(!agent.check.isPending && agent.check.isNeeded && record.nextAgentDeadline == nil)
    }

    @Test func aClosedConnectionLeavesThePendingSleep() throws {
        var record = busy()
        record.agent?.liveness.connected()
        record.agentDisconnected(gracePeriod: .seconds(5), now: Self.at(10))
        let agent = try #require(record.agent)
        #expect(!agent.liveness.isConnected && agent.loads.current == nil && record.sleep.idleSince == nil)
        #expect(!agent.check.isPending && record.sleep.pending != nil && record.nextAgentDeadline == Self.at(15))
    }

    @Test func aReadyMachineIsNotAsleepAndNeedsNoCheck() throws {
        var record = busy()
        record.becameReady()
        let agent = try #require(record.agent)
        #expect(record.sleep.pending == nil && !agent.check.isNeeded && !agent.check.isPending)
        #expect(agent.loads.current != nil, "its load continues")
    }

    @Test func aSleepingMachineNeedsACheck() {
        var record = SchedulerState.Record(Runner(id: "a"), rememberedModels: [], bootTime: .init())
        record.agent = AgentState()
        _ = record.sleep.statusReported(RunnerReport(isSleepable: true), now: Self.at(0))
        record.sleep.activityChanged(isIdle: true, now: Self.at(0))
        record.fellAsleep()
        #expect(record.agent?.check.isNeeded == true && record.sleep.idleSince == nil)
    }

    @Test func aRemovedAgentHasNoDeadline() {
        var record = busy()
        record.removed()
        #expect(record.nextAgentDeadline == nil && record.sleep.pending == nil)
    }
}
