import Foundation
import Testing

/// `simpleai fleet`, `wake` and `sleep`, as an operator uses them.
@Suite(.devFleet("--boot-delay", "0.2"), .serialized)
struct FleetCommandTests {
    private func run(_ arguments: String..., role: String = "admin") async throws -> RunningProcess.Ended {
        let fleet = try DevFleet.current()
        let gateway = ["--url", fleet.url, "--token", try fleet.token(role)]
        return try await Program(Repository.binary, arguments + gateway).run(within: .seconds(60))
    }

    private struct Fleet: Decodable {
        struct Machine: Decodable {
            let id: String
            let state: String
            let models: [String]
        }
        let waiting: Int
        let leases: Int
        let runners: [Machine]
    }

    private func state(of id: String) async throws -> String? {
        let run = try await run("fleet", "--json")
        let fleet = try JSONDecoder().decode(Fleet.self, from: Data(run.output.utf8))
        return fleet.runners.first { $0.id == id }?.state
    }

    @Test func `a table of every machine, once where there is no terminal`() async throws {
        let run = try await run("fleet")
        #expect(run.code == 0, "\(run.text)")
        let lines = run.output.split(separator: "\n")
        #expect(lines.first?.hasPrefix("3 machines, ") == true, "\(run.output)")
        for machine in ["fast-1", "fast-2", "big-1"] {
            #expect(lines.count { $0.hasPrefix(machine + " ") } == 1, "\(run.output)")
        }
        #expect(!run.output.contains("\u{1B}"))
    }

    @Test func `a machine is put to sleep and woken, and the table shows it`() async throws {
        let slept = try await run("sleep", "fast-2")
        #expect(slept.code == 0 && slept.output.contains("fast-2 is asleep"), "\(slept.text)")
        #expect(try await state(of: "fast-2") == "asleep")
        let again = try await run("sleep", "fast-2")
        #expect(again.code == 0 && again.output.contains("already asleep"), "\(again.text)")

        let woken = try await run("wake", "fast-2", "--wait")
        #expect(woken.code == 0 && woken.output.contains("fast-2 is ready after"), "\(woken.text)")
        #expect(try await state(of: "fast-2") == "ready")
        let table = try await run("fleet").output
        let line = table.split(separator: "\n").first { $0.hasPrefix("fast-2") } ?? ""
        #expect(line.contains(" ago, took "), "\(table)")
        let needless = try await run("wake", "fast-2")
        #expect(needless.code == 0 && needless.output.contains("already awake"), "\(needless.text)")
    }

    @Test func `what cannot be done is one line and exit code 1`() async throws {
        for (arguments, role, words) in [
            (["wake", "absent"], "admin", "Unknown machine \"absent\""),
            (["sleep", "absent"], "admin", "Unknown machine \"absent\""),
            (["wake", "big-1"], "specific", "Permission denied"),
            (["sleep", "fast-1"], "basic", "Permission denied"),
            (["fleet"], "basic", "Permission denied"),
        ] {
            let fleet = try DevFleet.current()
            let run = try await Program(
                Repository.binary, arguments + ["--url", fleet.url, "--token", try fleet.token(role)]
            ).run()
            #expect(run.code == 1 && run.output.isEmpty, "\(run.text)")
            #expect(run.text.contains(words) && run.text.split(separator: "\n").count == 1, "\(run.text)")
        }
    }

    /// The table stays on the screen, and the terminal is restored.
    @Test(.enabled(if: Python.isThere, Python.missing))
    func `in a terminal the table is live until Ctrl-C`() async throws {
        let fleet = try DevFleet.current()
        let program = Program(
            Repository.binary,
            ["fleet", "--every", "0.1", "--url", fleet.url, "--token", try fleet.token("admin")])
        let left = try await Terminal.interrupt(program, at: .text("(?s)fast-2.*fast-2.*fast-2"))
        #expect(left.code == 130, "\(left.text)")
        #expect(left.isPlain && left.cursorIsVisible && left.modesAreKept)
        #expect(left.screen.count { $0.hasPrefix("fast-2 ") } == 1, "drawn over, not below: \(left.text)")
    }
}
