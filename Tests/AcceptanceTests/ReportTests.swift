import Foundation
import Foundation
import StandIn
import Synchronization
import Testing

@testable import Acceptance

struct ReportTests {
    private func result(_ verdict: Verdict, _ level: Level = .required, summary: String = "s") -> CheckResult {
        CheckResult(
            test: .authentication, id: "auth.x", requirement: "It is so.", level: level, verdict: verdict,
            summary: summary,
            evidence: verdict == .fail
                ? Evidence(sent: "GET /", received: "500 <&>", expected: "200", curl: "curl x") : nil,
            duration: .milliseconds(1500))
    }

    private func report(
        _ results: [CheckResult], allowsInconclusive: Bool = false, aborted: String? = nil, interrupted: Bool = false
    ) throws -> SuiteReport {
        SuiteReport(
            deployment: try DeploymentAddress("https://ai.example.com"), tests: [.authentication], seed: 1,
            allowsInconclusive: allowsInconclusive, results: results, aborted: aborted, interrupted: interrupted,
            stamp: RunStamp(
                version: "1.2.3", began: Date(timeIntervalSince1970: 1_795_478_130), duration: .seconds(34)))
    }

    @Test func conclusions() throws {
        #expect(try report([result(.pass), result(.skip)]).conclusion == .passed)
        #expect(try report([result(.pass), result(.fail)]).conclusion == .failed)
        #expect(try report([result(.pass), result(.fail, .advisory)]).conclusion == .passed)
        #expect(try report([result(.pass), result(.inconclusive)]).conclusion == .notDecided)
        #expect(try report([result(.pass), result(.inconclusive)], allowsInconclusive: true).conclusion == .passed)
        #expect(try report([]).conclusion == .failed)
        #expect(try report([result(.skip)]).conclusion == .notDecided)
        #expect(try report([result(.pass)], aborted: "gone").conclusion == .failed)
        #expect(try report([result(.pass)], interrupted: true).conclusion.exitCode == 130)
    }

    @Test func junitIsEscapedAndCounted() throws {
        let text = JUnitReport(
            try report([result(.pass), result(.fail, summary: "a\"<b>\u{01}"), result(.inconclusive)])
        ).text
        #expect(text.contains(#"tests="3" failures="1" errors="1" skipped="0""#))
        #expect(text.contains("a&quot;&lt;b&gt;\u{FFFD}"))
        #expect(text.contains("500 &lt;&amp;&gt;"))
    }

    @Test func jsonReportIsComplete() throws {
        let text = JSONReport(try report([result(.fail)])).text
        let json = try #require(JSONValue(parsing: Array(text.utf8)))
        #expect(json["conclusion"]?.string == "FAILED")
        #expect(json["exitCode"]?.number == 1)
        #expect(json["began"]?.string == "2026-11-23T23:55:30Z")
        #expect(json["seconds"]?.number == 34)
        #expect(json["version"]?.string == "1.2.3")
        #expect(json["checks"]?[0]?["evidence"]?["curl"]?.string == "curl x")
    }

    @Test func tapCountsItsPoints() throws {
        let text = TAPReport(try report([result(.pass), result(.fail), result(.skip, summary: "a # b")])).text
        let lines = text.split(separator: "\n")
        #expect(lines[1] == "1..3")
        #expect(lines.contains("ok 1 - auth.x: s"))
        #expect(lines.contains("not ok 2 - auth.x: s"))
        #expect(text.contains("# SKIP a \\# b"))
    }

    @Test func noSummaryIsAPointOfItsOwn() throws {
        let forged = "s\r\nok 2 - forged\u{2028}ok 3\u{85}Bail out!"
        let text = TAPReport(try report([result(.pass, summary: forged)])).text
        #expect(text.split(whereSeparator: \.isNewline).count == 3, "\(text)")
    }

    @Test func textOfADeploymentIsShownInert() {
        #expect(VisibleText.of("a\tb\nc é 😀") == "a\tb\nc é 😀")
        #expect(VisibleText.of("a\r\nb") == "a\nb")
        #expect(VisibleText.of("\u{1B}[2J\u{9B}1m\u{202E}x\u{2028}") == "\u{FFFD}[2J\u{FFFD}1m\u{FFFD}x\u{FFFD}")
    }

    @Test func noReportHoldsAToken() async throws {
        let collected = Mutex("")
        let terminal = TerminalReport(
            style: .init(isColoured: false, isLive: true, width: 100, verbosity: 2)
        ) { text in collected.withLock { $0 += text } }
        let bench = Bench(defect: .tokenEchoed)
        let report = try await bench.run([.authentication]) { terminal.handle($0) }
        terminal.finish(report)
        let texts = ReportFormat.allCases.map { $0.render(report) } + [collected.withLock { $0 }]
        let sent = bench.deployment.state.withLock { Set($0.seen.compactMap(\.authorization)) }
        for authorization in sent where authorization.count > 40 {
            let token = String(authorization.dropFirst(7))
            #expect(texts.allSatisfy { !$0.contains(token) })
        }
        #expect(texts.last?.contains("[token]") == true)
    }

    @Test func plainTerminalHasNoEscapes() async throws {
        let collected = Mutex("")
        let terminal = TerminalReport(
            style: .init(isColoured: false, isLive: false, width: 100, verbosity: 0)
        ) { text in collected.withLock { $0 += text } }
        let report = try await Bench(defect: .noChallenge).run([.authentication]) { terminal.handle($0) }
        terminal.finish(report)
        let text = collected.withLock { $0 }
        #expect(!text.contains("\u{1B}") && !text.contains("\r"))
        #expect(text.contains("FAIL  auth.errors.challenge"))
        #expect(text.contains("curl -sS -i \"http://127.0.0.1:"))
        #expect(text.split(separator: "\n").last?.hasPrefix("FAILED") == true)
    }

    @Test func cancelledRunReportsWhatItFound() async throws {
        let deployment = StandInDeployment(defect: .wakesNothing)
        let server = try await StandInServer.start { deployment.respond($0, on: $1) }
        var options = Bench().options
        options.wakeOnLAN.callers = 2
        let suite = Acceptance.Suite(
            deployment: try DeploymentAddress("http://127.0.0.1:\(server.port)"), tests: [.wakeOnLAN],
            tokens: .provider({ _, role in StandInTokens.mint(role: role) }), options: options)
        let (events, continuation) = AsyncStream.makeStream(of: String.self)
        let task = Task {
            try await suite.run { if case .checkStarted(let check) = $0 { continuation.yield(check.description.id) } }
        }
        for await id in events where id == "wol.calls.answered" { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await server.stop()
        let report = suite.report(interrupted: true)
        #expect(report.conclusion == .interrupted)
        #expect(report.ids(.pass).contains("wol.sleep.proven"))
    }

    @Test func selectorsChooseChecks() async throws {
        var bench = Bench()
        bench.options.only = ["auth.refused"]
        bench.options.skip = ["auth.refused.none"]
        let report = try await bench.run(TestName.allCases)
        #expect(report.results.count == BadCredential.allCases.count - 1)
        #expect(
            Acceptance.Suite.unknownSelectors(["auth.refused", "auth.nonsense"], in: [.authentication]) == [
                "auth.nonsense"
            ])
    }

    @Test func checkIDsAreUnique() {
        let ids = TestName.allCases.flatMap(\.checks).map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(ids.count >= 40)
    }
}
