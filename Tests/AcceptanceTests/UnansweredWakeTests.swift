import StandIn
import Testing

@testable import Acceptance

/// A wake that fails is one failure, reported by the checks that cover it; the others report that they have no evidence.
struct UnansweredWakeTests {
    private func report(_ defect: Defect, timeout: Duration = .seconds(20)) async throws -> SuiteReport {
        var bench = Bench(defect: defect)
        bench.options.timeout = timeout
        bench.options.wakeOnLAN.grades = true
        return try await bench.run([.wakeOnLAN])
    }

    @Test func whatCouldNotBeJudgedIsNotBlamed() async throws {
        let report = try await report(.wakesNothing, timeout: .seconds(3))
        #expect(report.ids(.fail) == ["wol.calls.answered"], "\(report.outline)")
        #expect(report.conclusion == .failed)
        let open: Set<String> = [
            "wol.wake.time", "wol.wake.single-flight", "wol.wake.keep-alive", "wol.answer.complete",
            "wol.answer.stream",
            "wol.answer.model", "wol.list.final", "wol.warm.answered", "wol.timing.grade",
        ]
        #expect(report.ids(.inconclusive) == open, "\(report.outline)")
        for id in open { #expect(report[id]?.summary.hasPrefix("not decided: ") == true, "\(report.outline)") }
        let hint = report["wol.calls.answered"]?.summary
        #expect(hint?.contains("Request timed out") == true, "\(report.outline)")
        #expect(hint?.hasSuffix("the model list showed class:big as asleep") == true, "\(report.outline)")
        #expect(report["wol.list.final"]?.summary.contains("the list shows class:big as waking") == true)
    }

    @Test func refusedCallsAreNotResponses() async throws {
        let report = try await report(.chat500)
        #expect(report["wol.calls.answered"]?.verdict == .fail, "\(report.outline)")
        #expect(report["wol.wake.time"]?.verdict == .inconclusive, "\(report.outline)")
        #expect(report["wol.answer.complete"]?.verdict == .inconclusive)
    }

    /// Some calls have a response: those are checked, and the missing ones are reported once.
    @Test func receivedResponsesAreJudged() async throws {
        let report = try await report(.losesHeldCalls)
        #expect(report.ids(.fail) == ["wol.calls.answered"], "\(report.outline)")
        #expect(report["wol.answer.complete"]?.summary.hasPrefix("5 completions") == true, "\(report.outline)")
    }
}
