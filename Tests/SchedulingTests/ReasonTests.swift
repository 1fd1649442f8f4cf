import SimpleAICore
import Testing

@testable import Scheduling

/// The reason why a runner cannot serve, which its status states until it can.
@Suite struct ReasonTests {
    private func bench() -> Bench {
        var bench = Bench()
        bench.put(Runner(id: "a", canBeWoken: true))
        bench.answered("a", ["m"])
        return bench
    }

    private func reason(_ change: (inout SchedulerState, ContinuousClock.Instant) -> Void) -> (RunnerState?, String?) {
        var bench = bench()
        for _ in 0..<3 {
            bench.observe(change)
        }
        let result = (bench.state("a"), bench.status("a")?.reason?.description)
        bench.answered("a", ["m"])
        #expect(bench.state("a") == .ready && bench.status("a")?.reason == nil)
        return result
    }

    @Test func everyObservationCarriesItsReason() {
        #expect(
            reason { $0.runnerRefusedConnection("a", reason: "connection refused by h:1", now: $1) } == (
                .down, "connection refused by h:1"
            ))
        #expect(reason { $0.foreignServerResponded("a", reason: "a page", now: $1) } == (.down, "a page"))
        #expect(reason { $0.runnerSilent("a", reason: "silent", now: $1) } == (.down, "silent"))
        #expect(
            reason { $0.runnerIsLoading("a", reason: "503 Loading model", now: $1) } == (.loading, "503 Loading model"))
        #expect(
            reason { $0.runnerUnreachable("a", lastContactAt: nil, reason: "no route", now: $1) } == (
                .asleep, "no route"
            ))
        #expect(reason { $0.callCouldNotConnect("a", reason: "a call failed", now: $1) } == (.unknown, "a call failed"))
    }

    /// A failed probe that does not change the state yet sets no reason.
    @Test func evidenceThatChangesNothingLeavesNoReason() {
        var bench = bench()
        bench.observe { $0.runnerUnreachable("a", lastContactAt: nil, reason: "no route", now: $1) }
        #expect(bench.state("a") == .ready && bench.status("a")?.reason == nil)
    }

    @Test func stateChangesReportTheReason() {
        var bench = bench()
        bench.observe { $0.runnerRefusedConnection("a", reason: "connection refused by h:1", now: $1) }
        #expect(
            bench.effects.contains(.stateChanged("a", from: .ready, to: .down, reason: "connection refused by h:1")))
    }

    /// An engine that responds but lists no model.
    @Test func aReadyRunnerReportsItsEmptyList() {
        var bench = bench()
        bench.observe { $0.runnerResponded("a", engineModels: [], reason: "its list has no models", now: $1) }
        #expect(bench.state("a") == .ready && bench.status("a")?.reason == "its list has no models")
    }

    @Test func aDisconnectedAgentReportsHowItsConnectionEnded() {
        var bench = Bench()
        bench.put(Runner(id: "a"))
        bench.connected("a")
        bench.reported("a", .init(models: [.init(engineID: "m")]))
        bench.observe { $0.agentDisconnected("a", reason: "its agent's connection was lost", now: $1) }
        #expect(bench.status("a")?.reason == "its agent's connection was lost")
        bench.pass(.seconds(60))
        #expect(bench.state("a") == .lost && bench.status("a")?.reason == "its agent's connection was lost")
        bench.connected("a")
        bench.reported("a", .init(admitsCalls: false, reason: "its agent reports: openai: connection refused"))
        #expect(bench.state("a") == .down)
        #expect(bench.status("a")?.reason == "its agent reports: openai: connection refused")
    }
}
