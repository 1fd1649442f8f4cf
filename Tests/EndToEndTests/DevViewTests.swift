import Foundation
import Testing

/// What `simpleai dev` shows of its fleet while it runs.
@Suite struct DevViewTests {
    private func withDev(_ body: (Program) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            try await body(
                Program(
                    Repository.binary, ["dev", "--machines", "5", "--asleep", "3", "--boot-delay", "0.2"],
                    environment: ["TMPDIR": folder.path, "XDG_RUNTIME_DIR": folder.path]))
        }
    }

    @Test(.enabled(if: Python.isThere, Python.missing))
    func `in a terminal a live table shows every machine and its power`() async throws {
        try await withDev { dev in
            let left = try await Terminal.interrupt(dev, at: .text("(?s)Press Ctrl-C.*big-3 .*big-3 "))
            #expect(left.code == 0 && left.cursorIsVisible && left.isPlain && left.modesAreKept, "\(left)")
            let table = left.screen.drop { !$0.hasPrefix("5 machines, 2 ready") }
            for machine in ["fast-1", "fast-2", "big-1", "big-2", "big-3"] {
                let lines = table.filter { $0.hasPrefix(machine + " ") }
                #expect(lines.count == 1, "\(left.text)")
                let power = machine.hasPrefix("big") ? "asleep, 0 packets" : "awake, 0 packets"
                #expect(lines.first?.contains(power) == true, "\(left.text)")
            }
        }
    }

    @Test func `elsewhere every change is a line`() async throws {
        try await withDev { dev in
            try await RunningProcess.run(dev) { process in
                _ = try await process.line("the end of the announcement") { $0.contains("Press Ctrl-C") }
                // Url and token are found by the note that the fleet has left.
                var wake = dev
                wake.arguments = ["wake", "big-2", "--wait"]
                let run = try await wake.run()
                #expect(run.code == 0, "\(run.text)")
                let line = try await process.line("that it is awake") {
                    $0.hasPrefix("big-2: ") && $0.contains("→ ready")
                }
                #expect(!line.contains("\u{1B}"))
            }
        }
    }
}
