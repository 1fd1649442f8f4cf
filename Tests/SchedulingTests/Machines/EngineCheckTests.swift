import SimpleAICore
import Testing

@testable import Scheduling

/// Each event of the check after a sleep in each state: not needed, needed, in progress, retry.
@Suite struct EngineCheckTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }

    private func inProgress() -> (check: EngineCheck, request: CommandID) {
        var (check, requests) = (EngineCheck(), RequestSequence())
        check.fellAsleep()
        let request = requests.next()
        check.started(request)
        return (check, request)
    }

    @Test func onlyASleepRequiresACheck() {
        var check = EngineCheck()
        #expect(!check.isNeeded && !check.isPending)
        check.connectionChanged()
        #expect(!check.isNeeded)
        check.fellAsleep()
        #expect(check.isNeeded && !check.isPending)
        check.connectionChanged()
        check.engineRefused()
        #expect(check.isNeeded, "still not shown to work")
        check.becameReady()
        #expect(!check.isNeeded)
    }

    @Test func aPassedCheckIsNotNeededAgain() {
        var (check, request) = inProgress()
        #expect(check.isPending && check.retryAt == nil)
        #expect(check.completed(request, succeeded: true, now: Self.at(1)) == .passed)
        #expect(!check.isNeeded && !check.isPending)
        #expect(check.completed(request, succeeded: true, now: Self.at(2)) == .ignored)
    }

    @Test func aFailedCheckIsRepeatedAfterAGrowingPause() {
        var (check, requests) = (EngineCheck(), RequestSequence())
        check.fellAsleep()
        var pauses: [Int] = []
        for _ in 0..<8 {
            let request = requests.next()
            check.started(request)
            #expect(check.completed(request, succeeded: false, now: Self.at(0)) == .failed)
            guard let retryAt = check.retryAt else { break }
            pauses.append(Int(Self.at(0).duration(to: retryAt).components.seconds))
            #expect(check.isPending && !check.timePassed(now: retryAt.advanced(by: .milliseconds(-1))))
            #expect(check.timePassed(now: retryAt) && !check.isPending && check.isNeeded)
            #expect(check.timePassed(now: retryAt) == false, "once")
        }
        #expect(pauses == [2, 4, 8, 16, 32, 64, 64, 64])
    }

    @Test func resultsOfOtherChecksAreIgnored() {
        var (check, _) = inProgress()
        var others = RequestSequence()
        _ = others.next()
        let other = others.next()
        for succeeded in [true, false] {
            #expect(check.completed(other, succeeded: succeeded, now: Self.at(0)) == .ignored)
        }
        #expect(check.isPending && check.isNeeded)
        #expect(check.timePassed(now: Self.at(999)) == false, "nothing is scheduled")
    }

    @Test(arguments: 0..<3) func aRefusalOrANewConnectionVoidsTheCheck(event: Int) {
        var (check, request) = inProgress()
        switch event {
        case 0: check.engineRefused()
        case 1: check.connectionChanged()
        default: check.fellAsleep()
        }
        #expect(!check.isPending && check.isNeeded)
        #expect(check.completed(request, succeeded: true, now: Self.at(0)) == .ignored)
    }

    /// A refusal keeps the count of failures, a new connection starts it anew.
    @Test func onlyANewConnectionForgetsFailures() {
        func pauseAfter(_ event: (inout EngineCheck) -> Void) -> Duration? {
            var (check, request) = inProgress()
            _ = check.completed(request, succeeded: false, now: Self.at(0))
            event(&check)
            check.started(request)
            _ = check.completed(request, succeeded: false, now: Self.at(0))
            return check.retryAt.map { Self.at(0).duration(to: $0) }
        }
        #expect(pauseAfter { $0.engineRefused() } == .seconds(4))
        #expect(pauseAfter { $0.connectionChanged() } == .seconds(2))
    }

    @Test func aGPUThatIsMissingAfterASleepIsReportedOnce() {
        var check = EngineCheck()
        #expect(check.gpuReported(true, isEnabled: true) == .available)
        #expect(check.gpuReported(false, isEnabled: true) == .available, "it has not slept")
        check.fellAsleep()
        #expect(check.gpuReported(nil, isEnabled: true) == .available, "not checked by the agent")
        #expect(check.gpuReported(false, isEnabled: false) == .available)
        #expect(check.gpuReported(false, isEnabled: true) == .missing(isFirstReport: true))
        #expect(check.gpuReported(false, isEnabled: true) == .missing(isFirstReport: false))
        #expect(check.gpuReported(true, isEnabled: true) == .available)
        check.becameReady()
        check.fellAsleep()
        #expect(check.gpuReported(false, isEnabled: true) == .missing(isFirstReport: true))
        var without = EngineCheck()
        without.fellAsleep()
        #expect(without.gpuReported(false, isEnabled: true) == .available, "it never had one")
    }
}
