import Foundation
import Testing

/// A machine that the gateway puts to sleep by the command in its `runner.yaml`. Falling asleep is played by its agent's
/// end, waking up by a new one.
@Suite(.enabled(if: Python.isThere && JoinedFleet.curl != nil, JoinedFleet.curlMissing))
struct SleepCommandTests {
    @Test func `the agent's own command puts an idle machine to sleep, and its engine is asked before it serves again`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let command = try writeScript("sleep-now", in: folder, "echo gone > \(folder.path)/asleep; kill -9 $PPID")
            let power = "power: { sleep_command: [\(command.path)] }\nmac: \"02:53:41:49:00:07\""
            try await JoinedFleet.with(
                models: ["tiny"], more: "sleep: { after: 2s }\nwake: { broadcast: 127.0.0.1, timeout: 60s }"
            ) { fleet in
                let engine = Program.script("Tests/EndToEndTests/clients/tiny_engine.py", []).interpretedByPython()
                try await RunningProcess.run(engine) { process in
                    let engine = "{ kind: openai, url: \"\(try await process.ready().url)\" }"
                    try await fleet.runner("tiny", engine: engine, more: power) { machine in
                        let response = try await fleet.chat("tiny").run()
                        #expect(response.output.contains("\"choices\""))
                        let end = try await machine.ended(within: .seconds(60))
                        #expect(end.code != 0)
                    }
                    let note = try String(contentsOf: folder.appendingPathComponent("asleep"), encoding: .utf8)
                    #expect(note == "gone\n")
                    let list = try await fleet.curl("/v1/models").run().output
                    #expect(list.contains("\"state\":\"asleep\""), "\(list)")

                    // A call wakes it; no machine receives the packet, so this one starts by itself.
                    try await RunningProcess.run(try fleet.chat("tiny")) { caller in
                        try await fleet.metrics { $0.contains("simpleai_runners{state=\"waking\"} 1") }
                        try await fleet.runner("tiny", engine: engine, more: power) { _ in
                            let response = try await caller.ended(within: .seconds(60))
                            #expect(response.output.contains("tiny says hello"), "\(response.text)")
                        }
                    }
                }
            }
        }
    }

    /// Who did what to which machine is a line of the gateway's log.
    @Test func `an operator's order is told in the log, and a refusal to the operator`() async throws {
        try await JoinedFleet.with(models: ["tiny"], more: "wake: { broadcast: 127.0.0.1, timeout: 60s }") { fleet in
            let engine = Program.script("Tests/EndToEndTests/clients/tiny_engine.py", []).interpretedByPython()
            try await RunningProcess.run(engine) { process in
                let engine = "{ kind: openai, url: \"\(try await process.ready().url)\" }"
                func simpleai(_ order: String, _ id: String) async throws -> RunningProcess.Ended {
                    try await Program.simpleai(order, id, "--url", fleet.url, "--token", "any").run()
                }
                let mac = "mac: \"02:53:41:49:00:08\""
                try await fleet.runner("insomniac", engine: engine, more: mac) { _ in
                    let refused = try await simpleai("sleep", "insomniac")
                    #expect(refused.code == 1 && refused.text.contains("power.sleep_command"), "\(refused.text)")
                }
                // Its agent's end plays the sleep.
                let script = FileManager.default.temporaryDirectory.appendingPathComponent("sleep-\(UUID())")
                try "#!/bin/sh\nkill -9 $PPID\n".write(to: script, atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
                defer { try? FileManager.default.removeItem(at: script) }
                let power = "power: { sleep_command: [\(script.path)] }\n" + mac
                try await fleet.runner("tiny", engine: engine, more: power) { _ in
                    let slept = try await simpleai("sleep", "tiny")
                    #expect(slept.code == 0 && slept.output == "tiny is asleep.\n", "\(slept.text)")
                    let line = try await fleet.gateway.line("the audit line", on: .errors) {
                        $0.contains("Admin action") && $0.contains("object=tiny")
                    }
                    #expect(line.contains("action=sleep_machine") && line.contains("object=tiny"), "\(line)")
                    let woken = try await simpleai("wake", "tiny")
                    #expect(woken.code == 0 && woken.output.hasPrefix("Wake of tiny started"), "\(woken.text)")
                }
            }
        }
    }

    /// The machine is awake, whatever the command prints: its last output is in the log, the list and the response.
    @Test(arguments: [
        (
            "echo asking; echo no permission >&2; exit 7",
            "exited with code 7; its last output:\n  asking\n  no permission"
        ),
        ("echo waiting for a lock; exec sleep 600", "was stopped after 8 s; its last output:\n  waiting for a lock"),
        ("printf '\\033[2Jcleared'; exit 1", "its last output:\n  [2Jcleared"),
    ]) func `a sleep command that fails is a failure`(_ script: String, _ words: String) async throws {
        try await withTemporaryFolder { folder in
            let command = try writeScript("sleep-now", in: folder, script)
            let more = "power: { sleep_command: [\(command.path)] }\nmac: \"02:53:41:49:00:09\""
            try await JoinedFleet.with(models: ["tiny"], more: "wake: { broadcast: 127.0.0.1 }") { fleet in
                let engine = Program.script("Tests/EndToEndTests/clients/tiny_engine.py", []).interpretedByPython()
                try await RunningProcess.run(engine) { process in
                    let engine = "{ kind: openai, url: \"\(try await process.ready().url)\" }"
                    try await fleet.runner("tiny", engine: engine, more: more) { _ in
                        let slept = try await Program.simpleai("sleep", "tiny", "--url", fleet.url, "--token", "any")
                            .run()
                        #expect(slept.code == 1 && slept.text.contains(words), "\(slept.text)")
                        #expect(slept.text.contains("putting tiny to sleep failed: the sleep command "))
                        #expect(!slept.text.unicodeScalars.contains("\u{1B}"))
                        let fleetTable = try await Program.simpleai(
                            "fleet", "--once", "--url", fleet.url, "--token", "any"
                        ).run()
                        #expect(
                            fleetTable.output.contains("tiny: sleep failed: the sleep command "), "\(fleetTable.text)")
                        let list = try await fleet.curl("/admin/api/fleet").run().output
                        #expect(list.contains("\"sleep_problem\":\"the sleep command "), "\(list)")
                        let line = try await fleet.gateway.line("why", on: .errors) { $0.contains("Sleep failed") }
                        #expect(line.contains("cause="), "\(line)")
                    }
                }
            }
        }
    }
}
