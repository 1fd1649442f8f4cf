import Foundation
import Testing

/// Load balancing judged on local fleets of several sizes and speeds: the real gateway, 200 calls each.
@Suite struct FleetSizeTests {
    @Test(arguments: [2, 3, 4, 8])
    func `the verdict is right on fleets of equal machines`(runners: Int) async throws {
        let run = try await judge(machines: runners, "--requests", "200")
        #expect(run.code == 0, "\(run.text)")
        // 200 calls are enough evidence for every check, so all of them are decided.
        for check in ["answered", "member", "spread", "coverage", "load", "shares"] {
            #expect(run.line("workload-routing.\(check)")?.hasPrefix("PASS") == true, "\(check):\n\(run.output)")
        }
        #expect(run.line("workload-routing.coverage")?.contains("\(runners) of \(runners) runners") == true)
        // One confidence interval per runner.
        let shares = run.line("workload-routing.shares") ?? ""
        #expect(shares.matches(of: /fast-\d+ \d+ % \(\d+–\d+ %\)/).count == runners, "\(shares)")
    }

    /// The third machine is four times as fast, so it gets most calls; its load explains the shares of least-busy.
    @Test func `a fast machine may serve most calls`() async throws {
        let run = try await judge(machines: 3, "--requests", "200", "--workers", "6", "--speeds", "1:1:4")
        #expect(run.code == 0, "\(run.text)")
        let load = run.line("workload-routing.load") ?? ""
        #expect(load.hasPrefix("PASS") && load.contains("by load:"), "\(run.output)")
        let shares = run.line("workload-routing.shares") ?? ""
        #expect(shares.hasPrefix("PASS") && shares.contains("not equal (33 %), but explained by load"), "\(shares)")
    }

    private func judge(machines: Int, _ options: String...) async throws -> RunningProcess.Ended {
        var program = Program.simpleai(
            "test", "workload-routing", "--local", "--machines", "\(machines)", "--asleep", "0")
        program.arguments += options
        return try await program.run(within: .seconds(300))
    }
}

extension RunningProcess.Ended {
    /// The report's line for a check.
    fileprivate func line(_ id: String) -> String? {
        output.split(separator: "\n").first { $0.contains(" \(id) ") }.map(String.init)
    }
}
