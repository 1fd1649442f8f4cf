import Foundation
import Testing

/// The report files of a run that is started as an operator starts it.
@Suite struct ReportPageTests {
    /// With SIMPLEAI_SCREENSHOTS set to a folder, the picture is kept there.
    @Test(.enabled(if: Browser.isThere, Browser.missing))
    func `the HTML report is whole in a browser that has no network`() async throws {
        try await withTemporaryFolder { folder in
            let page = folder.appendingPathComponent("report.html")
            let json = folder.appendingPathComponent("report.json")
            let run = try await Program.simpleai(
                "test", "all", "--local", "--requests", "40", "--report", "html=\(page.path),json=\(json.path)"
            ).run(within: .seconds(300))
            #expect(run.code == 0, "\(run.text)")

            let shown = try await Browser.document(of: page)
            #expect(shown.output.contains("<td class=\"pass\""), "\(shown.text)")
            for section in ["wake", "shares", "permissions", "wol", "model-routing", "workload-routing", "auth"] {
                #expect(shown.output.contains("id=\"\(section)\""), "\(section) is missing")
            }
            #expect(!shown.errors.contains("Content Security Policy"), "\(shown.errors)")

            let kept = ProcessInfo.processInfo.environment["SIMPLEAI_SCREENSHOTS"].map { URL(fileURLWithPath: $0) }
            let picture = (kept ?? folder).appendingPathComponent("report.png")
            let seen = try await Browser.photograph(page, into: picture, width: 1120, height: 1400)
            #expect(seen.width == 1120 && seen.height == 1400)
            #expect(seen.colours > 100, "\(seen)")
            #expect(seen.plain < 0.95, "\(seen)")
        }
    }

    @Test func `annotations for GitHub enclose nothing that the deployment said`() async throws {
        let run = try await Program.simpleai("test", "auth", "--local", "--github").run(within: .seconds(300))
        #expect(run.code == 0, "\(run.text)")
        let commands = run.output.split(separator: "\n").filter { $0.hasPrefix("::") }
        #expect(commands.first?.hasPrefix("::stop-commands::") == true, "\(run.output)")
        #expect(commands.last == commands.first)
        #expect(commands.contains { $0.hasPrefix("::notice title=Acceptance of ") && $0.contains("::passed: ") })
    }
}
