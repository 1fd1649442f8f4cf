import SimpleAICore
import Testing

@testable import Scheduling

/// Each event of a runner's ejection in each state: in service, ejected, on trial.
@Suite struct OutlierDetectionTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }
    private static let alice = CallerID(subject: "alice", issuer: "i")
    private static let bob = CallerID(subject: "bob", issuer: "i")
    private let policy = EjectionPolicy(failures: 3, duration: .seconds(10), maxShare: 0.5)

    private func call(_ outcome: LeaseOutcome, on runner: inout OutlierDetection) -> Bool {
        runner.callBegan()
        return runner.callEnded(outcome)
    }

    private func requiresEjection(_ runner: OutlierDetection, isPermitted: Bool = true) -> Bool {
        runner.requiresEjection(policy) { isPermitted }
    }

    private func ejected() -> OutlierDetection {
        var runner = OutlierDetection()
        #expect(runner.ejected(policy, now: Self.at(0)) == .seconds(10))
        return runner
    }

    private func onTrial() -> OutlierDetection {
        var runner = ejected()
        #expect(runner.timePassed(now: Self.at(10)) == true)
        return runner
    }

    // MARK: In service

    @Test func failuresInARowRequireAnEjection() {
        var runner = OutlierDetection()
        for failures in 1...3 {
            #expect(call(.failed, on: &runner) == false)
            #expect(runner.failuresInARow == failures && requiresEjection(runner) == (failures == 3))
        }
        #expect(!requiresEjection(runner, isPermitted: false))
        #expect(!runner.requiresEjection(EjectionPolicy(failures: 0)) { true })
        #expect(runner.admits && runner.isInService && !runner.timePassed(now: Self.at(99)))
    }

    @Test(arguments: [.loading, .foreignResponse, .undecided] as [LeaseOutcome])
    func otherOutcomesAreNoFailures(_ outcome: LeaseOutcome) {
        var runner = OutlierDetection()
        for _ in 0..<9 { #expect(call(outcome, on: &runner) == false) }
        #expect(runner.failuresInARow == 0 && runner.isInService && !runner.hasServed)
    }

    @Test func aServedCallStartsTheCountsAnew() {
        var runner = OutlierDetection()
        _ = call(.failed, on: &runner)
        _ = call(.internalError(of: Self.alice), on: &runner)
        _ = call(.internalError(of: Self.bob), on: &runner)
        #expect(runner.failuresInARow == 3)
        #expect(call(.served, on: &runner) == false, "no ejection ends")
        #expect(runner.failuresInARow == 0 && runner.hasServed && !runner.hasErrorsOfSeveralCallers)
        _ = call(.internalError(of: Self.bob), on: &runner)
        #expect(!runner.hasErrorsOfSeveralCallers, "the first caller is forgotten as well")
    }

    @Test func internalErrorsCountOnceSeveralCallersHaveThem() {
        var runner = OutlierDetection()
        for _ in 0..<9 { _ = call(.internalError(of: Self.alice), on: &runner) }
        #expect(runner.failuresInARow == 0 && !requiresEjection(runner))
        _ = call(.internalError(of: Self.bob), on: &runner)
        #expect(runner.failuresInARow == 10 && requiresEjection(runner))
    }

    // MARK: Ejected

    @Test func anEjectedRunnerTakesNoCallUntilItsTrial() {
        var runner = ejected()
        #expect(!runner.admits && !runner.isInService && !runner.isOnTrial && runner.ejectedUntil == Self.at(10))
        #expect(!runner.timePassed(now: Self.at(9)) && !runner.admits)
        #expect(runner.timePassed(now: Self.at(10)) && runner.admits && runner.isOnTrial)
        #expect(runner.ejectedUntil == nil && !runner.timePassed(now: Self.at(99)))
    }

    /// Calls that began before the ejection end during it.
    @Test(arguments: [.served, .failed, .undecided, .internalError(of: alice)] as [LeaseOutcome])
    func earlierCallsDoNotEndAnEjection(_ outcome: LeaseOutcome) {
        var runner = ejected()
        #expect(runner.callEnded(outcome) == false)
        #expect(runner.ejectedUntil == Self.at(10) && !requiresEjection(runner))
    }

    // MARK: On trial

    @Test func aTrialIsOneCallAtATime() {
        var runner = onTrial()
        runner.callBegan()
        #expect(!runner.admits && runner.isOnTrial)
        #expect(runner.callEnded(.undecided) == false)
        #expect(runner.admits && runner.isOnTrial, "an undecided trial is repeated")
    }

    @Test(arguments: [.loading, .foreignResponse, .undecided, .internalError(of: alice)] as [LeaseOutcome])
    func anUndecidedTrialIsRepeated(_ outcome: LeaseOutcome) {
        var runner = onTrial()
        #expect(call(outcome, on: &runner) == false)
        #expect(runner.admits && runner.isOnTrial)
    }

    @Test func aServedTrialReturnsTheRunnerToService() {
        var runner = onTrial()
        #expect(call(.served, on: &runner) == true)
        #expect(runner.isInService && runner.admits && runner.hasServed)
        #expect(runner.ejected(policy, now: Self.at(20)) == .seconds(10), "the next ejection is the first in a row")
    }

    @Test func aFailedTrialExtendsTheEjectionUpToTenTimes() {
        var runner = ejected()
        for number in 2...12 {
            let until = runner.ejectedUntil ?? Self.at(0)
            #expect(runner.timePassed(now: until) == true)
            #expect(call(.failed, on: &runner) == false)
            #expect(requiresEjection(runner, isPermitted: false), "a failed trial always ejects")
            #expect(runner.ejected(policy, now: until) == .seconds(10) * min(number, 10))
        }
    }

    // MARK: Restarts

    @Test func aRestartedEngineIsInServiceWithoutFailures() {
        for var runner in [ejected(), onTrial()] {
            runner.engineRestarted()
            #expect(runner == OutlierDetection())
            runner.engineRestarted(hasServed: true)
            #expect(runner.hasServed && runner.isInService && runner.failuresInARow == 0)
        }
    }

    @Test func anEngineThatLoadsIsPutOnTrial() {
        var runner = OutlierDetection()
        runner.trialStarted()
        #expect(runner.isOnTrial && runner.admits)
    }

    @Test func theShareLimitsEjections() {
        #expect(policy.permitsEjection(ejectedCount: 0, readyCount: 2))
        #expect(!policy.permitsEjection(ejectedCount: 1, readyCount: 2))
        #expect(!policy.permitsEjection(ejectedCount: 0, readyCount: 1))
        #expect(policy.permitsEjection(ejectedCount: 1, readyCount: 4))
    }
}

/// When an engine that is loading gets a trial call.
@Suite struct LoadingTrialsTests {
    private static let start = ContinuousClock.now
    private static func at(_ milliseconds: Int) -> ContinuousClock.Instant {
        start.advanced(by: .milliseconds(milliseconds))
    }

    @Test func thePauseGrowsUpToTwoSeconds() {
        var trials = LoadingTrials()
        #expect(trials.nextAt == nil && !trials.timePassed(now: Self.at(99_999)))
        var pauses: [Int] = []
        for _ in 0..<12 {
            trials.trialFailed(now: Self.at(0))
            let next = trials.nextAt ?? Self.at(0)
            pauses.append(Int(Self.at(0).duration(to: next) / .milliseconds(1)))
            #expect(trials.timePassed(now: next.advanced(by: .milliseconds(-1))) == false)
            #expect(trials.timePassed(now: next) && trials.nextAt == nil)
            #expect(trials.timePassed(now: next) == false, "once")
        }
        #expect(pauses == [500, 1000] + Array(repeating: 2000, count: 10))
    }

    @Test func aTrialThatIsNotRefusedInTimeHasPassed() {
        var trials = LoadingTrials()
        #expect(!trials.isBeyondRefusal(now: Self.at(99_999)), "none was started")
        trials.trialFailed(now: Self.at(0))
        #expect(trials.timePassed(now: Self.at(500)) == true)
        #expect(!trials.isBeyondRefusal(now: Self.at(2499)) && trials.isBeyondRefusal(now: Self.at(2500)))
        trials.trialFailed(now: Self.at(2600))
        #expect(!trials.isBeyondRefusal(now: Self.at(9999)))
    }

    @Test func anotherStateOfTheEngineEndsTheTrials() {
        var trials = LoadingTrials()
        trials.trialFailed(now: Self.at(0))
        trials.engineChanged()
        #expect(trials == LoadingTrials())
    }
}
