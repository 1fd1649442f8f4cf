import Foundation
import Synchronization
import Testing

@testable import Acceptance

/// Output for a terminal, and for a file or a pipe.
struct TerminalReportTests {
    private func result(
        _ verdict: Verdict, _ id: String = "auth.x", summary: String = "s", option: String? = nil
    ) -> CheckResult {
        CheckResult(
            test: .authentication, id: id, requirement: "It is so.", level: .required, verdict: verdict,
            summary: summary,
            evidence: verdict == .fail
                ? Evidence(
                    sent: "GET /", received: "500", expected: String(repeating: "two words ", count: 20),
                    curl: "curl " + String(repeating: "-H x ", count: 40)) : nil,
            duration: .milliseconds(10), missingOption: option)
    }

    /// The text of a run with these results, without and with the summary.
    private func shown(
        _ results: [CheckResult], isLive: Bool, verbosity: Int = 0
    ) throws -> (checks: String, summary: String) {
        let collected = Mutex("")
        let terminal = TerminalReport(
            style: .init(isColoured: false, isLive: isLive, width: 80, verbosity: verbosity)
        ) { text in collected.withLock { $0 += text } }
        terminal.handle(.testStarted(.authentication, checks: results.count))
        for result in results { terminal.handle(.checkEnded(result)) }
        terminal.handle(.testStarted(.wakeOnLAN, checks: 0))
        let checks = collected.withLock { text in
            defer { text = "" }
            return text
        }
        terminal.finish(
            SuiteReport(
                deployment: try DeploymentAddress("https://ai.example.com"), tests: [.authentication], seed: 1,
                allowsInconclusive: false, results: results, aborted: nil, interrupted: false,
                stamp: RunStamp(version: "1", began: Date(timeIntervalSince1970: 0), duration: .seconds(1)),
                clock: ClockAccuracy(error: .milliseconds(1), moments: 160)))
        return (checks, collected.withLock { $0 })
    }

    private var unasked: [CheckResult] {
        [
            result(.skip, "auth.a", summary: "needs --sequential", option: "--sequential"), result(.pass, "auth.b"),
            result(.skip, "auth.c", summary: "needs --analyze-timing", option: "--analyze-timing"),
            result(.skip, "auth.d", summary: "needs --sequential", option: "--sequential"),
            result(.skip, "auth.e", summary: "the deployment has none"),
        ]
    }

    @Test func whatWasNotAskedForIsOneLineOnATerminal() throws {
        let text = try shown(unasked, isLive: true).checks
        #expect(text.contains("SKIP  3 checks need --sequential or --analyze-timing\n"), "\(text)")
        #expect(!text.contains("auth.a") && !text.contains("auth.c") && !text.contains("auth.d"), "\(text)")
        // A missing need that no option provides is reported with its place in the deployment.
        #expect(text.contains("auth.e") && text.contains("the deployment has none"), "\(text)")
    }

    @Test func skippedChecksOfOneReasonShareALineOnATerminal() throws {
        let results = ["a", "b", "c"].map { id in
            var skipped = result(.skip, "auth.\(id)", summary: id == "c" ? "no chat" : "no messages")
            skipped.sharesReason = true
            return skipped
        }
        let text = try shown(results, isLive: true).checks
        #expect(text.contains("SKIP  2 checks: no messages\n"), "\(text)")
        #expect(text.contains("SKIP  1 check: no chat\n"), "\(text)")
        #expect(!text.contains("auth.a"), "\(text)")
        #expect(try shown(results, isLive: false).checks.contains("SKIP  auth.a"))
    }

    @Test func oneUnaskedCheckKeepsItsName() throws {
        let text = try shown(Array(unasked.prefix(2)), isLive: true).checks
        #expect(text.contains("auth.a") && text.contains("needs --sequential"), "\(text)")
    }

    @Test(arguments: [(false, 0), (true, 1)])
    func elsewhereEveryCheckHasItsLine(isLive: Bool, verbosity: Int) throws {
        let text = try shown(unasked, isLive: isLive, verbosity: verbosity).checks
        for id in ["auth.a", "auth.b", "auth.c", "auth.d", "auth.e"] {
            let lines = text.split(separator: "\n").filter { $0.contains("  \(id) ") }
            #expect(lines.count == 1, "\(id):\n\(text)")
        }
        #expect(!text.contains("checks need"))
    }

    @Test func skippedTestsNameTheMissingOption() async throws {
        var bench = Bench()
        bench.options.workloadRouting.sequential = false
        let report = try await bench.run([.workloadRouting])
        #expect(report["workload-routing.sequential.order"]?.missingOption == "--sequential")
        #expect(report["workload-routing.timing.phases"]?.missingOption == "--analyze-timing")
        #expect(report["workload-routing.spread"]?.missingOption == nil)
    }

    @Test func longTextWrapsUnderItsColumn() throws {
        let words = (1...30).map { "word\($0)" }
        let text = try shown([result(.pass, summary: words.joined(separator: " "))], isLive: true).checks
        let lines = text.split(separator: "\n").filter { $0.contains("word") }
        #expect(lines.count > 1)
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(text)")
        let column = try #require(lines[0].range(of: "word1")).lowerBound
        let margin = lines[0].distance(from: lines[0].startIndex, to: column)
        for line in lines.dropFirst() { #expect(line.prefix { $0 == " " }.count == margin, "\(text)") }
        #expect(lines.flatMap { $0.split(separator: " ") }.filter { $0.hasPrefix("word") }.map(String.init) == words)
    }

    @Test func plainTextIsNeverWrapped() throws {
        let summary = String(repeating: "word ", count: 60) + "end"
        let text = try shown([result(.fail, summary: summary)], isLive: false).checks
        #expect(text.contains(summary))
    }

    @Test func aCommandIsLeftInOnePiece() throws {
        let text = try shown([result(.fail)], isLive: true).checks
        #expect(text.split(separator: "\n").contains { $0.contains("curl -H x") && $0.count > 200 }, "\(text)")
        #expect(text.split(separator: "\n").filter { $0.contains("two words") }.allSatisfy { $0.count <= 80 })
    }

    @Test func theSummaryFitsAScreen() throws {
        let results = (1...40).map { result(.fail, "auth.\($0)", summary: String(repeating: "why \($0) ", count: 30)) }
        let text = try shown(results, isLive: true).summary
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 24, "\(text)")
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(text)")
        #expect(lines.contains { $0.hasPrefix("  FAIL  auth.1: why 1") }, "\(text)")
        #expect(text.contains("… and 28 more"))
        let plain = try shown(results, isLive: false).summary
        #expect(plain.contains("  FAIL  auth.40: why 40"))
    }

    @Test func failuresComeBeforeWhatIsUndecided() throws {
        let text = try shown([result(.inconclusive, "auth.open"), result(.fail, "auth.bad")], isLive: true).summary
        let bad = try #require(text.range(of: "auth.bad")).lowerBound
        #expect(bad < (try #require(text.range(of: "auth.open")).lowerBound), "\(text)")
    }
}
