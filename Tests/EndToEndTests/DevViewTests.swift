import Foundation
import Testing

/// The output of `simpleai dev` while it runs.
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

    @Test func `the announcement is short, shows no token, and the end is silent`() async throws {
        try await withDev { dev in
            try await RunningProcess.run(dev) { process in
                _ = try await process.line("the end of the announcement") { $0.contains("Press Ctrl-C") }
                var token = dev
                token.arguments = ["token", "--role", "admin"]
                let minted = try await token.run()
                #expect(minted.output.split(separator: ".").count == 3, "\(minted.text)")
                process.interrupt()
                let end = try await process.ended(within: .seconds(60))
                #expect(end.code == 0 && end.errors == "", "\(end.text)")
                let lines = end.output.split(separator: "\n", omittingEmptySubsequences: false)
                let announcement = lines.prefix { !$0.contains("Press Ctrl-C") }
                #expect(announcement.count + 1 <= 12, "\(end.output)")
                #expect(lines.allSatisfy { $0.count <= 80 }, "\(end.output)")
                #expect(end.output.contains("5 (2 awake, 3 asleep)") && !end.output.contains("eyJ"), "\(end.output)")
                let spoken = "OpenAI/Anthropic/Ollama; chat, embeddings, rerank, audio, images"
                #expect(lines.contains { $0.hasSuffix(spoken) }, "\(end.output)")
            }
        }
    }

    @Test func `a second fleet leaves the first one its name`() async throws {
        try await withDev { dev in
            try await RunningProcess.run(dev) { first in
                let line = try await first.line("the gateway's address") { $0.hasPrefix("  gateway") }
                _ = try await first.line("the end of the announcement") { $0.contains("Press Ctrl-C") }
                try await RunningProcess.run(dev) { second in
                    let warning = try await second.line("the warning", on: .errors) { $0.contains("another") }
                    let url = try #require(line.split(separator: " ").last)
                    #expect(warning.contains(url), "\(warning)")
                    second.interrupt()
                    _ = try await second.ended(within: .seconds(60))
                }
                // Still the first one's, also after the second has ended.
                var fleet = dev
                fleet.arguments = ["fleet"]
                let run = try await fleet.run()
                #expect(run.code == 0 && run.output.contains("big-3"), "\(run.text)")
            }
        }
    }

    @Test func `elsewhere every change is a line`() async throws {
        try await withDev { dev in
            try await RunningProcess.run(dev) { process in
                _ = try await process.line("the end of the announcement") { $0.contains("Press Ctrl-C") }
                // URL and token are taken from the file that the fleet has written.
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
