import Foundation
import Synchronization
import Testing

@testable import Acceptance

/// `--repeat`: every run counts, and differences between runs are reported.
struct RepeatTests {
    private static let stamp = RunStamp(version: "1", began: .distantPast, duration: .zero)

    @Test func everyRoundIsReportedWithASeedOfItsOwn() async throws {
        var bench = Bench()
        bench.options.rounds = 3
        bench.options.only = ["auth.refused"]
        let rounds = Mutex<[String]>([])
        let report = try await bench.run([.authentication]) { event in
            if case .roundStarted(let round, let count, let seed) = event {
                rounds.withLock { $0.append("\(round)/\(count) \(seed)") }
            }
        }
        #expect(rounds.withLock { $0 } == ["1/3 7", "2/3 8", "3/3 9"])
        #expect(Set(report.results.map(\.round)) == [1, 2, 3])
        #expect(report.results.count == 3 * Set(report.results.map(\.id)).count)
        #expect(report.conclusion == .passed)
        #expect(report.verdictLine.hasSuffix("in 3 runs"))
        #expect(report.flakyChecks.isEmpty)
    }

    /// The summary line counts advice separately from failures.
    @Test func adviceIsCountedApart() throws {
        func result(_ level: Level) -> CheckResult {
            CheckResult(
                test: .authentication, id: "auth.x", requirement: "X holds.", level: level, verdict: .fail, summary: "",
                evidence: nil, duration: .zero)
        }
        let report = SuiteReport(
            deployment: try DeploymentAddress("http://127.0.0.1:1"), tests: [.authentication], seed: 1,
            allowsInconclusive: false,
            results: [result(.required), result(.advisory)], aborted: nil, interrupted: false, stamp: Self.stamp)
        #expect(
            report.verdictLine
                == "FAILED: 0 checks passed, 1 failed, 0 inconclusive, 0 skipped, 1 advisory not met")
    }

    @Test func oneBadRunFailsAllAndIsCalledUnsteady() throws {
        func result(_ round: Int, _ verdict: Verdict) -> CheckResult {
            CheckResult(
                test: .authentication, id: "auth.x", requirement: "X holds.", level: .required, verdict: verdict,
                summary: "", evidence: nil, duration: .zero, round: round)
        }
        let report = SuiteReport(
            deployment: try DeploymentAddress("http://127.0.0.1:1"), tests: [.authentication], seed: 1,
            allowsInconclusive: false,
            results: [result(1, .pass), result(2, .fail), result(3, .pass)], aborted: nil, interrupted: false,
            stamp: Self.stamp, rounds: 3)
        #expect(report.conclusion == .failed)
        #expect(report.flakyChecks.map(\.id) == ["auth.x"])
        #expect(report.flakyChecks.first?.verdicts == [.pass, .fail, .pass])
        #expect(report.runNote(report.results[1]) == " (run 2)")
        #expect(TAPReport(report).text.contains("not ok 2 - auth.x (run 2)"))
        #expect(JUnitReport(report).text.contains(#"name="auth.x (run 3)""#))
        #expect(HTMLReport(report).text.contains(#"id="auth.x2""#))
    }
}
