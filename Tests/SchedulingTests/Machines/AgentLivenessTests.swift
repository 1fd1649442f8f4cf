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

    // MARK: The agent's other state machines

    /// An agent with a load, a sleep command, a check and a grace period in progress.
    private func busy() -> AgentState {
        var (agent, requests) = (AgentState(), RequestSequence())
        agent.liveness.restored(gracePeriod: .seconds(50), now: Self.at(0))
        _ = agent.sleep.statusReported(RunnerReport(isSleepable: true), now: Self.at(0))
        agent.sleep.activityChanged(isIdle: true, now: Self.at(0))
        _ = agent.loads.requested("m", timeout: .seconds(40), &requests, now: Self.at(0))
        agent.sleep.commanded(requests.next(), gracePeriod: .seconds(30), now: Self.at(0))
        agent.check.fellAsleep()
        let request = requests.next()
        agent.check.started(request)
        _ = agent.check.completed(request, succeeded: false, now: Self.at(18))
        return agent
    }

    @Test func theNextDeadlineIsTheEarliest() {
        var agent = busy()
        #expect(agent.nextDeadline == Self.at(20))
        agent.check.engineRefused()
        #expect(agent.nextDeadline == Self.at(30))
        agent.sleep.becameReady()
        #expect(agent.nextDeadline == Self.at(40))
        agent.loads.connectionChanged()
        #expect(agent.nextDeadline == Self.at(50))
        agent.liveness.connected()
        #expect(agent.nextDeadline == nil)
    }

    @Test func aConnectedAgentsReportDecidesWhetherItSlept() {
        var agent = busy()
        agent.check.engineRefused()
        agent.loads.connectionChanged()
        agent.liveness.connected()
        #expect(agent.sleep.pending != nil && agent.nextDeadline == nil)
    }

    @Test func aNewConnectionVoidsWhatWasSentOverTheOldOne() {
        var agent = busy()
        agent.connected()
        #expect(agent.liveness.isConnected && agent.loads.current == nil && agent.sleep.pending == nil)
        #expect(!agent.check.isPending && agent.check.isNeeded && agent.nextDeadline == nil)
    }

    @Test func aClosedConnectionLeavesThePendingSleep() {
        var agent = busy()
        agent.liveness.connected()
        agent.disconnected(gracePeriod: .seconds(5), now: Self.at(10))
        #expect(!agent.liveness.isConnected && agent.loads.current == nil && agent.sleep.idleSince == nil)
        #expect(!agent.check.isPending && agent.sleep.pending != nil && agent.nextDeadline == Self.at(15))
    }

    @Test func aReadyMachineIsNotAsleepAndNeedsNoCheck() {
        var agent = busy()
        agent.becameReady()
        #expect(agent.sleep.pending == nil && !agent.check.isNeeded && !agent.check.isPending)
        #expect(agent.loads.current != nil, "its load continues")
    }

    @Test func aSleepingMachineNeedsACheck() {
        var agent = AgentState()
        agent.sleep.activityChanged(isIdle: true, now: Self.at(0))
        agent.fellAsleep()
        #expect(agent.check.isNeeded && agent.sleep.idleSince == nil)
    }

    @Test func aRemovedAgentHasNoDeadline() {
        var agent = busy()
        agent.removed()
        #expect(agent.nextDeadline == nil && agent.sleep.pending == nil)
    }
}
