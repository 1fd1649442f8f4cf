import Foundation
import StandIn
import Testing

@testable import Acceptance

/// The page, the last line and the checks say the same: what they show comes from the same values.
struct ReportAgreementTests {
    private func report(_ results: [CheckResult], rounds: Int = 1) throws -> SuiteReport {
        var report = SuiteReport(
            deployment: try DeploymentAddress("https://ai.example.com"), tests: [.authentication], seed: 1,
            allowsInconclusive: false,
            results: results, aborted: nil, interrupted: false,
            stamp: RunStamp(version: "1", began: Date(timeIntervalSince1970: 0), duration: .seconds(1)))
        report.rounds = rounds
        return report
    }

    private func result(
        _ verdict: Verdict, id: String, level: Level = .required, round: Int = 1, status: Int? = nil
    ) -> CheckResult {
        CheckResult(
            test: .authentication, id: id, requirement: "r", level: level, verdict: verdict, summary: "s",
            evidence: nil, duration: .zero, figure: status.map { .response(status: $0) }, round: round)
    }

    @Test func `advice that is not kept is no failure on either`() throws {
        let report = try report([result(.pass, id: "a"), result(.fail, id: "b", level: .advisory)])
        #expect(report.verdictLine.hasPrefix("passed: 1 check passed, 0 failed"))
        let page = ReportFormat.html.render(report)
        #expect(page.contains("<b>0</b> failed</li>"), "\(page)")
        #expect(page.contains("<b>1</b> advisory not met</li>"))
    }

    @Test func `of several rounds the table of rights shows the worst`() throws {
        let id = "auth.basic.models"
        let report = try report(
            [result(.pass, id: id, status: 200), result(.fail, id: id, round: 2, status: 403)], rounds: 2)
        let cell = try #require(report.permissions?.cells.first)
        #expect(cell.verdict == .fail && cell.status == 403)
    }

    @Test func `a call that got half an response is answered on neither`() async throws {
        let report = try await Bench(defect: .streamCut).run([.wakeOnLAN])
        #expect(report["wol.calls.answered"]?.summary.hasPrefix("2 of 10 calls failed") == true, "\(report.outline)")
        #expect(report.wake?.answered == 8)
    }

    @Test func `shares are the same in words and drawn`() async throws {
        let report = try await Bench().run([.workloadRouting])
        let shares = try #require(report.shares)
        let summary = try #require(report["workload-routing.shares"]?.summary)
        let page = ReportFormat.html.render(report)
        for runner in shares.runners {
            let figures = "\(runner.shareInWords) (\(runner.intervalInWords))"
            #expect(summary.contains("\(runner.name) \(figures)") && page.contains("\(runner.calls) · \(figures)"))
        }
    }
}
