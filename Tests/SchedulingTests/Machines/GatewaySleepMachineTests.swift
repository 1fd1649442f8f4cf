import SimpleAICore
import Testing

@testable import Scheduling

/// Each event of the sleep of a machine that the gateway puts to sleep with a program or a web hook of the settings.
@Suite struct GatewaySleepMachineTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }
    private static let rules = SleepMachine.Rules(gracePeriod: .seconds(20), commandTimeout: .seconds(35))
    private static let unreachable = Liveness.Evidence.unreachable(lastContactAt: nil)

    /// Commanded at 100 s.
    private func fallingAsleep() -> (machine: SleepMachine, request: CommandID) {
        var (machine, requests) = (SleepMachine(hasSettings: true), RequestSequence())
        machine.activityChanged(isIdle: true, now: Self.at(0))
        let request = requests.next()
        machine.commanded(request, .gateway, Self.rules, now: Self.at(100))
        machine.fellAsleep()
        return (machine, request)
    }

    /// The command of `fallingAsleep`, completed at 110 s.
    private func completed(failure: OperatorReason? = nil) -> SleepMachine {
        var (machine, request) = fallingAsleep()
        #expect(complete(&machine, request, failure, at: 110) == (failure == nil ? .ignored : .failed))
        return machine
    }

    private func complete(
        _ machine: inout SleepMachine, _ request: CommandID, _ failure: OperatorReason?, at second: Int
    ) -> SleepMachine.Completion {
        machine.commandCompleted(request, failure: failure, isConnected: false, Self.rules, now: Self.at(second))
    }

    @Test func settingsMakeAMachineSleepable() {
        var machine = SleepMachine()
        #expect(!machine.isSleepable && machine.method == nil)
        machine.settingsChanged(hasSettings: true)
        #expect(machine.isSleepable && machine.method == .gateway)
        #expect(machine.statusReported(RunnerReport(isSleepable: true), now: Self.at(0)) == true)
        #expect(machine.method == .gateway)
        machine.activityChanged(isIdle: true, now: Self.at(0))
        machine.settingsChanged(hasSettings: false)
        #expect(machine.method == .agent && machine.idleSince != nil)
        #expect(machine.statusReported(RunnerReport(isSleepable: false), now: Self.at(0)) == true)
        #expect(machine.method == nil && machine.idleSince == nil)
        machine.settingsChanged(hasSettings: true)
        machine.activityChanged(isIdle: true, now: Self.at(5))
        machine.settingsChanged(hasSettings: false)
        #expect(machine.idleSince == nil && machine.dueAt(after: .seconds(1)) == nil)
    }

    /// What each kind of evidence means: while the command runs, in the grace period after its success (110 to 130 s), and
    /// after it; and whether the machine may still be awake afterwards.
    @Test(arguments: [
        (Liveness.Evidence.responded, 105, SleepMachine.EvidenceVerdict.ignored, true),
        (.responded, 129, .ignored, true),
        (.responded, 130, .stayedAwake, false),
        (.loading(.probe), 129, .ignored, true),
        (.loading(.probe), 130, .stayedAwake, false),
        (.silent, 105, .ignored, true),
        (.silent, 129, .ignored, true),
        (.silent, 500, .ignored, true),
        (unreachable, 105, .ignored, false),
        (unreachable, 129, .ignored, false),
        (unreachable, 130, .counts, false),
        (.refused, 129, .ignored, false),
        (.refused, 130, .counts, false),
        (.foreignResponse, 129, .ignored, false),
        (.foreignResponse, 130, .counts, false),
    ])
    func evidenceMeans(
        _ evidence: Liveness.Evidence, _ second: Int, _ verdict: SleepMachine.EvidenceVerdict, _ isFallingAsleep: Bool
    ) {
        var machine = second < 110 ? fallingAsleep().machine : completed()
        #expect(machine.isFallingAsleep)
        #expect(machine.evidenceReceived(evidence, now: Self.at(second)) == verdict)
        #expect(machine.isFallingAsleep == isFallingAsleep)
        #expect((machine.pending == nil) == (verdict != .ignored))
    }

    /// An engine that responds again has returned from sleep, also within the grace period.
    @Test(arguments: [unreachable, .refused, .foreignResponse])
    func anEngineThatStoppedRespondingHasReturned(_ evidence: Liveness.Evidence) {
        for response: Liveness.Evidence in [.responded, .loading(.probe)] {
            var machine = completed()
            #expect(machine.evidenceReceived(evidence, now: Self.at(112)) == .ignored)
            #expect(machine.evidenceReceived(response, now: Self.at(115)) == .counts)
            #expect(machine.pending == nil && machine.problem == nil)
        }
    }

    @Test func aFailedCommandIsAProblem() {
        let machine = completed(failure: "ssh exited with status 255")
        #expect(machine.pending == nil && machine.problem == "ssh exited with status 255")
        #expect(!machine.isFallingAsleep)
    }

    /// A program that loses its connection to the machine that it has put to sleep fails, or is stopped in the end.
    @Test(arguments: [nil, "was stopped after 30 s"] as [OperatorReason?])
    func aCommandThatEndsAfterTheMachineIsGoneHasSucceeded(_ failure: OperatorReason?) {
        var (machine, request) = fallingAsleep()
        _ = machine.evidenceReceived(Self.unreachable, now: Self.at(108))
        #expect(complete(&machine, request, failure, at: 130) == .ignored)
        #expect(machine.problem == nil && !machine.isFallingAsleep)
        #expect(machine.evidenceReceived(.responded, now: Self.at(131)) == .counts, "it has returned meanwhile")
    }

    @Test func aResultOfAnotherCommandIsIgnored() {
        var (machine, _) = fallingAsleep()
        var others = RequestSequence()
        _ = others.next()
        #expect(complete(&machine, others.next(), "no", at: 110) == .ignored)
        #expect(machine.pending != nil)
    }

    /// A result that never arrives does not make the machine unusable.
    @Test func withoutAResultTheTimeoutOfTheCommandApplies() {
        var (machine, _) = fallingAsleep()
        #expect(machine.evidenceReceived(.responded, now: Self.at(154)) == .ignored)
        #expect(machine.evidenceReceived(.responded, now: Self.at(155)) == .stayedAwake)
    }

    /// Probes decide, so that no timer is needed.
    @Test func thePassingOfTimeDecidesNothing() {
        var machine = completed()
        #expect(machine.nextDeadline(isConnected: false) == nil)
        machine.timePassed(isConnected: false, now: Self.at(500))
        #expect(machine.pending != nil)
    }

    @Test func aProblemIsReportedAgainOnlyAfterASleep() {
        var (machine, requests) = (SleepMachine(hasSettings: true), RequestSequence())
        func attempt(_ second: Int) {
            machine.commanded(requests.next(), .gateway, Self.rules, now: Self.at(second))
            machine.fellAsleep()
            #expect(machine.problem == nil)
        }
        attempt(0)
        #expect(machine.problemReported("no") == true)
        attempt(100)
        #expect(!machine.problemReported("no") && machine.problem == "no")
        attempt(200)
        #expect(machine.problemReported("other") == true)
        attempt(300)
        _ = machine.evidenceReceived(Self.unreachable, now: Self.at(310))
        _ = machine.evidenceReceived(.responded, now: Self.at(400))
        attempt(500)
        #expect(machine.problemReported("other") == true)
    }
}
