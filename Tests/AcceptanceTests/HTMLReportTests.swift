import Foundation
import StandIn
import Testing

@testable import Acceptance

struct HTMLReportTests {
    private static let hostile = #"</script><img src=x onerror="alert('1')">&amp;"# + "\u{202E}\u{0}"

    private func result(
        _ verdict: Verdict, id: String = "wol.x", test: TestName = .wakeOnLAN, summary: String = "seen",
        figure: Figure? = nil
    ) -> CheckResult {
        CheckResult(
            test: test, id: id, requirement: "It is so.", level: .required, verdict: verdict, summary: summary,
            evidence: verdict == .fail
                ? Evidence(sent: summary, received: summary, expected: summary, curl: summary) : nil,
            duration: .milliseconds(1500), figure: figure)
    }

    private func report(_ results: [CheckResult], aborted: String? = nil) throws -> SuiteReport {
        SuiteReport(
            deployment: try DeploymentAddress("https://ai.example.com"), tests: TestName.allCases, seed: 1,
            allowsInconclusive: false,
            results: results, aborted: aborted, interrupted: false,
            stamp: RunStamp(
                version: "1.2.3", began: Date(timeIntervalSince1970: 1_795_478_130), duration: .seconds(34)))
    }

    private func page(_ results: [CheckResult], aborted: String? = nil) throws -> String {
        HTMLReport(try report(results, aborted: aborted)).text
    }

    private let timeline = WakeTimeline(
        target: "class:big", calls: 10, answered: 10,
        marks: [.init(event: .firstPacket, after: .milliseconds(20)), .init(event: .visible, after: .seconds(2))],
        states: [
            .init(state: "asleep", from: .zero, to: .milliseconds(250)),
            .init(state: "waking", from: .milliseconds(250), to: .seconds(2)),
        ], wake: .seconds(2), load: nil, resolution: .milliseconds(250))

    @Test func whatComesFromOutsideStaysText() throws {
        let wake = WakeTimeline(
            target: Self.hostile, calls: 1, answered: 0, marks: [],
            states: [.init(state: Self.hostile, from: .zero, to: .seconds(1))], wake: nil, load: nil,
            resolution: .seconds(1))
        let page = try page(
            [
                result(.fail, summary: Self.hostile, figure: .wake(wake)),
                result(.pass, summary: Self.hostile, figure: .shares(RunnerShares([Self.hostile: 3], ready: 2))),
                result(
                    .fail, id: "auth.basic.classes", test: .authentication, summary: Self.hostile,
                    figure: .response(status: 500)),
            ], aborted: Self.hostile)
        #expect(!page.contains("<img") && !page.contains("</script"))
        #expect(!page.contains("\u{202E}") && !page.contains("\u{0}"))
        #expect(page.contains("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;amp;\u{FFFD}\u{FFFD}"))
    }

    @Test(arguments: Verdict.allCases) func everyVerdictIsNamedInWords(verdict: Verdict) throws {
        let page = try page([result(verdict)])
        #expect(page.contains("<span class=\"badge \(verdict.style.markup)\">"))
        #expect(page.contains("</span> \(verdict.rawValue)</span>"))
        #expect(page.contains("<details open>") == (verdict == .fail))
    }

    @Test func thePageAsksForNothing() async throws {
        let run = try await Bench(defect: .noChallenge).run(TestName.allCases)
        let page = HTMLReport(run).text
        #expect(page.contains("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"))
        #expect(page.contains(#"id="wake""#) && page.contains(#"id="shares""#) && page.contains(#"id="permissions""#))
        let markup = page.replacing(/<(pre|title|code)\b.*?<\/\1>/.dotMatchesNewlines(), with: "")
        for loader in ["src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "srcset", "http-equiv=\"ref"]
        {
            #expect(!markup.contains(loader), "\(loader)")
        }
    }

    @Test func theSameReportIsTheSamePage() throws {
        let results = [
            result(.pass, figure: .wake(timeline)),
            result(.pass, figure: .shares(RunnerShares(["b": 3, "a": 5, "c": 4], ready: 3))),
        ]
        let first = try page(results)
        #expect(try first == page(results))
        #expect(first.contains("first magic packet") && first.contains("ready in the model list"))
        let order = try ["a", "b", "c"].map { try #require(first.range(of: ">\($0)</text>")).lowerBound }
        #expect(order == order.sorted())
    }

    @Test func thePageStatesTimeAndVersion() throws {
        let footer = try #require(try page([result(.pass)]).firstMatch(of: /<footer>.*<\/footer>/)).output
        #expect(footer.contains("simpleai 1.2.3 · "))
        #expect(footer.contains(#"<time datetime="2026-11-23T23:55:30Z">2026-11-23T23:55:30Z</time> · took 34 s"#))
    }

    /// Geometry: half of the axis is half of the width, and a whisker lies at the end of its interval.
    @Test func drawingsAreToScale() throws {
        #expect(AxisTicks(upTo: 2, about: 4).values == [0, 0.5, 1, 1.5, 2])
        #expect(AxisTicks(upTo: 0.003, about: 3).label(0.002) == "0.002")
        #expect(AxisTicks(upTo: 87, about: 5).values == [0, 20, 40, 60, 80, 100])
        let figure = WakeTimelineFigure(timeline).html.markup
        // The axis ends with 2 s at x = 800; the packet after 0.02 s lies a hundredth of 610 to the right of x = 190.
        #expect(figure.contains(#"cx="800.0""#) && figure.contains(#"cx="196.1""#))
        let shares = RunnerShares(["a": 50, "b": 50], ready: 2)
        let bars = SharesFigure(shares).html.markup
        #expect(shares.runners[0].interval.contains(0.5))
        #expect(bars.contains("50 · 50 % (39–61 %)"), "\(bars)")
    }

    @Test func theGridShowsExpectedAndObservedResults() throws {
        let grid = try #require(
            PermissionGrid([
                result(.pass, id: "auth.basic.existing-id", figure: .response(status: 403)),
                result(.fail, id: "auth.admin.admin-surface", figure: .response(status: 403)),
                result(.skip, id: "auth.specific.unknown-id"),
            ]))
        #expect(grid.cells.map(\.expectation) == [.refused, .notFound, .allowed])
        #expect(grid.cells.map(\.status) == [403, nil, 403])
        #expect(grid.rows.map(\.cells.count) == [5, 5, 5])
        let table = PermissionTable(grid).html.markup
        #expect(table.contains("✗</span> 403</b><span>allowed</span>"))
        #expect(table.contains("✓</span> 403</b><span>refused</span>"))
        #expect(PermissionGrid([result(.pass)]) == nil)
    }

    @Test func aRunnerNamedLikeATokenIsRedacted() {
        let redactor = Redactor()
        redactor.register("secret-secret")
        let figure = Figure.shares(RunnerShares(["secret-secret": 1], ready: 1)).redacted(by: redactor)
        guard case .shares(let shares) = figure else {
            Issue.record("the figure changed its kind")
            return
        }
        #expect(shares.runners.map(\.name) == ["[token]"])
    }

    // MARK: JSON

    @Test(arguments: [nil, Defect.noChallenge]) func jsonKeepsItsSchema(defect: Defect?) async throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/report.schema.json")
        let schema = try #require(JSONValue(parsing: [UInt8](try Data(contentsOf: file))))
        let run = try await Bench(defect: defect).run(TestName.allCases)
        let json = try #require(JSONValue(parsing: Array(ReportFormat.json.render(run).utf8)))
        #expect(SchemaCheck(schema).breaches(of: json) == [])
        #expect(json["wake"]?["marks"]?[0] != nil && json["wake"]?["wakeSeconds"]?.number != nil)
        #expect(json["shares"]?["runners"]?[1]?["lower"]?.number != nil)
        #expect(json["permissions"]?[14]?["status"]?.number != nil)
        let aborted = try JSONReport(report([], aborted: "gone")).text
        let bare = try #require(JSONValue(parsing: Array(aborted.utf8)))
        #expect(SchemaCheck(schema).breaches(of: bare) == [])
    }

    @Test func theSchemaCheckFindsBreaches() throws {
        let schema = try #require(
            JSONValue(
                parsing: Array(
                    #"""
                    {"type":"object","required":["a","b"],"additionalProperties":false,
                     "properties":{"a":{"type":"integer","minimum":1},"c":{"enum":["x"]}}}
                    """#.utf8)))
        let value = try #require(JSONValue(parsing: Array(#"{"a":0.5,"c":"y","d":1}"#.utf8)))
        #expect(SchemaCheck(schema).breaches(of: value).count == 5)
    }
}
