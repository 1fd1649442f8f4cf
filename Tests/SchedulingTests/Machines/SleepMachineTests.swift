import SimpleAICore
import Testing

@testable import Scheduling

/// Each event of a machine's sleep in each state: busy, idle, falling asleep. Of the machines that the gateway puts to
/// sleep itself: `GatewaySleepMachineTests`.
@Suite struct SleepMachineTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }
    private static let report = RunnerReport(isSleepable: true)
    private static let rules = SleepMachine.Rules(gracePeriod: .seconds(20), commandTimeout: .seconds(35))

    /// Idle since the start, and able to sleep.
    private func idle() -> SleepMachine {
        var machine = SleepMachine()
        #expect(machine.statusReported(Self.report, now: Self.at(0)) == true)
        machine.activityChanged(isIdle: true, now: Self.at(0))
        return machine
    }

    private func fallingAsleep() -> (machine: SleepMachine, request: CommandID) {
        var (machine, requests) = (idle(), RequestSequence())
        let request = requests.next()
        machine.commanded(request, .agent, Self.rules, now: Self.at(100))
        return (machine, request)
    }

    @Test func anIdleMachineIsDueAfterTheIdleTime() {
        var machine = idle()
        #expect(machine.dueAt(after: .seconds(60)) == Self.at(60))
        #expect(machine.dueAt(after: .zero) == nil, "zero means never")
        machine.activityChanged(isIdle: true, now: Self.at(30))
        #expect(machine.dueAt(after: .seconds(60)) == Self.at(60), "it was idle before")
    }

    @Test func onlyASleepableMachineIsDue() {
        var machine = SleepMachine()
        machine.activityChanged(isIdle: true, now: Self.at(0))
        #expect(machine.dueAt(after: .seconds(60)) == nil && machine.idleSince == nil, "nothing is tracked")
        #expect(machine.statusReported(Self.report, now: Self.at(1)) == true)
        machine.activityChanged(isIdle: true, now: Self.at(1))
        #expect(machine.dueAt(after: .seconds(60)) == Self.at(61))
        #expect(machine.statusReported(RunnerReport(isSleepable: false), now: Self.at(2)) == true)
        #expect(machine.dueAt(after: .seconds(60)) == nil && machine.idleSince == nil)
    }

    @Test(arguments: 0..<5) func activityEndsTheIdleTime(event: Int) {
        var machine = idle()
        switch event {
        case 0: machine.activityChanged(isIdle: false, now: Self.at(5))
        case 1: machine.idleTimeEnded()
        case 2: machine.fellAsleep()
        case 3: machine.connected()
        default: machine.disconnected()
        }
        #expect(machine.idleSince == nil && machine.dueAt(after: .seconds(60)) == nil)
    }

    @Test func reportsFromBeforeTheSleepAreIgnored() {
        var (machine, request) = fallingAsleep()
        #expect(machine.statusReported(RunnerReport(isSleepable: false), now: Self.at(119)) == false)
        #expect(machine.isSleepable && machine.pending?.request == request)
        #expect(
            machine.statusReported(RunnerReport(isSleepable: false), now: Self.at(120)) == true,
            "it did not fall asleep")
        #expect(!machine.isSleepable && machine.pending == nil)
    }

    @Test func onlyTheRefusalOfThisCommandCounts() {
        var (machine, request) = fallingAsleep()
        var others = RequestSequence()
        _ = others.next()
        #expect(refused(&machine, others.next(), "no") == .ignored)
        #expect(machine.pending != nil && machine.problem == nil)
        #expect(refused(&machine, request, "permission denied") == .failed)
        #expect(machine.pending == nil && machine.problem == "permission denied")
        #expect(refused(&machine, request, "again") == .ignored)
    }

    @Test func aFailureIsNoRefusalOnceTheAgentIsDisconnected() {
        var (machine, request) = fallingAsleep()
        #expect(refused(&machine, request, "the connection is closed", isConnected: false) == .ignored)
        #expect(machine.pending != nil && machine.problem == nil)
    }

    private func refused(
        _ machine: inout SleepMachine, _ request: CommandID, _ reason: OperatorReason, isConnected: Bool = true
    ) -> SleepMachine.Completion {
        machine.commandCompleted(request, failure: reason, isConnected: isConnected, Self.rules, now: Self.at(101))
    }

    /// Probes do not observe agents' machines: other evidence from before the sleep is ignored, a response counts.
    @Test func evidenceIsIgnoredWhileAnAgentsMachineFallsAsleep() {
        for evidence: Liveness.Evidence in [.unreachable(lastContactAt: nil), .refused, .silent, .loading(.call)] {
            var (machine, _) = fallingAsleep()
            #expect(machine.evidenceReceived(evidence, now: Self.at(500)) == .ignored)
            #expect(machine.pending?.hasStoppedResponding == false)
        }
        var (machine, _) = fallingAsleep()
        #expect(machine.evidenceReceived(.responded, now: Self.at(101)) == .counts)
    }

    @Test func aMachineWithoutConnectionHasFallenAsleepAfterTheGracePeriod() {
        var (machine, _) = fallingAsleep()
        machine.timePassed(isConnected: true, now: Self.at(500))
        #expect(machine.pending != nil, "its next report decides")
        machine.timePassed(isConnected: false, now: Self.at(119))
        #expect(machine.pending != nil)
        machine.timePassed(isConnected: false, now: Self.at(120))
        #expect(machine.pending == nil)
    }

    @Test func aNewConnectionOrAReadyMachineSettlesTheSleep() {
        var (connected, _) = fallingAsleep()
        connected.connected()
        #expect(connected.pending == nil)
        var (ready, _) = fallingAsleep()
        ready.becameReady()
        #expect(ready.pending == nil)
        var (disconnected, _) = fallingAsleep()
        disconnected.disconnected()
        #expect(disconnected.pending != nil, "a machine that falls asleep closes its connection")
    }

    @Test func aProblemIsReportedOnceAndClearedByTheNextSleep() {
        var machine = idle()
        #expect(machine.problemReported(nil) == false)
        #expect(machine.problemReported("busy") == true)
        #expect(!machine.problemReported("busy") && !machine.problemReported(nil))
        #expect(machine.problemReported("still busy") && machine.problem == "still busy")
        var requests = RequestSequence()
        machine.commanded(requests.next(), .agent, Self.rules, now: Self.at(0))
        #expect(machine.problem == nil)
        #expect(machine.problemReported("still busy") == false, "it was reported, and the machine has not slept since")
        #expect(machine.problem == "still busy")
        #expect(machine.problemReported("busy") == true)
        machine.fellAsleep()
        #expect(machine.problem == nil)
        machine.timePassed(isConnected: false, now: Self.at(20))
        #expect(machine.problemReported("busy") == true, "it has slept")
    }

    /// In any order of events: the idle time starts at an event that found it idle, and never lies in the future.
    @Test(arguments: 0..<20) func invariantsHoldInAnyOrderOfEvents(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (machine, requests) = (SleepMachine(), RequestSequence())
        var (second, ignored) = (0, 0)
        for _ in 0..<300 {
            second += Int.random(in: 0..<8, using: &random)
            let now = Self.at(second)
            let hadPending = machine.pending
            switch Int.random(in: 0..<9, using: &random) {
            case 0: machine.activityChanged(isIdle: .random(using: &random), now: now)
            case 1: machine.idleTimeEnded()
            case 2: machine.commanded(requests.next(), .agent, Self.rules, now: now)
            case 3: if let pending = machine.pending { #expect(refused(&machine, pending.request, "no") == .failed) }
            case 4:
                let counts = machine.statusReported(Self.report, now: now)
                #expect(counts == (hadPending.map { $0.settledAt <= now } ?? true))
                if !counts { ignored += 1 }
                #expect(counts == (machine.pending == nil))
            case 5: machine.fellAsleep()
            case 6 where Int.random(in: 0..<4, using: &random) == 0: machine.connected()
            case 7: machine.disconnected()
            default: machine.timePassed(isConnected: .random(using: &random), now: now)
            }
            #expect(machine.idleSince.map { $0 <= now } ?? true)
            #expect((machine.dueAt(after: .seconds(9)) != nil) == (machine.isSleepable && machine.idleSince != nil))
        }
        #expect(ignored > 0)
    }
}
