import Foundation
import StandIn
import Synchronization
import Testing

@testable import Acceptance

/// A machine that does not wake is one failure of a run, however many checks and tests ask for it.
struct FailedWakeTests {
    private func report() async throws -> SuiteReport {
        var bench = Bench(defect: .wakesNothing)
        bench.options.timeout = .seconds(5)
        return try await bench.run(TestName.allCases)
    }

    @Test func `it is told once`() async throws {
        let report = try await report()
        #expect(report.ids(.fail) == ["wol.calls.answered"], "\(report.outline)")
        #expect(report.conclusion == .failed)
        for id in ["model-routing.class.answered", "auth.basic.classes", "auth.admin.classes"] {
            let summary = report[id]?.summary ?? ""
            #expect(summary.contains("class:big did not wake up, see wol.calls.answered"), "\(id): \(summary)")
        }
        let caused = report.results.filter(report.isConsequence)
        #expect(caused.count >= 7 && caused.allSatisfy { $0.test == .wakeOnLAN }, "\(report.outline)")
        #expect(report.consequences.map(\.cause) == ["wol.calls.answered"])
    }

    @Test func `the summary counts what it left undecided`() async throws {
        let report = try await report()
        let text = terminal(report)
        #expect(text.contains("\(report.consequences[0].count) checks were not decided, see wol.calls.answered"))
        #expect(!text.contains("wol.answer.complete: "), "\(text)")
    }

    /// If the check that reports it did not run, the check that observes the failure reports it.
    @Test func `it is reported at least once`() async throws {
        var bench = Bench(defect: .wakesNothing)
        bench.options.timeout = .seconds(5)
        bench.options.skip = ["wol.calls.answered"]
        bench.options.only = ["wol", "model-routing.class.answered"]
        let report = try await bench.run([.wakeOnLAN, .modelRouting])
        #expect(report.ids(.fail) == ["wol.wake.time", "model-routing.class.answered"], "\(report.outline)")
    }

    /// The summary alone.
    /// A sleep command that fails is reported by one check; the others refer to it.
    @Test func `a failed sleep command is told once`() async throws {
        let reason = "--sleep-command exited with status 7: no route to host"
        var bench = Bench(StandInVariant(bigSleeps: false))
        bench.options.wakeOnLAN.putToSleep = { throw Finding.inconclusive(reason) }
        let report = try await bench.run([.wakeOnLAN])
        #expect(report.results.filter { $0.summary.contains(reason) }.map(\.id) == ["wol.sleep.proven"])
        #expect(report.conclusion == .notDecided)
        let others = report.results.filter(report.isConsequence)
        #expect(others.count >= 10, "\(report.outline)")
        #expect(others.allSatisfy { $0.summary == "not decided: --sleep-command failed, see wol.sleep.proven" })
        #expect(report.consequences == [Consequences(cause: "wol.sleep.proven", count: others.count)])
        let text = terminal(report)
        #expect(text.components(separatedBy: reason).count == 2, "\(text)")
        #expect(text.contains("\(others.count) checks were not decided, see wol.sleep.proven"), "\(text)")
    }

    /// Without the check that reports the failed command, the others do.
    @Test func `a failed sleep command is told at least once`() async throws {
        var bench = Bench(StandInVariant(bigSleeps: false))
        bench.options.wakeOnLAN.putToSleep = { throw Finding.inconclusive("no route to host") }
        bench.options.skip = ["wol.sleep.proven"]
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.calls.answered"]?.summary == "no route to host", "\(report.outline)")
    }

    private func terminal(_ report: SuiteReport) -> String {
        let written = Mutex("")
        let style = TerminalReport.Style(isColoured: false, isLive: false, width: 100, verbosity: 0)
        TerminalReport(style: style) { text in written.withLock { $0 += text } }.finish(report)
        return written.withLock { $0 }
    }
}
