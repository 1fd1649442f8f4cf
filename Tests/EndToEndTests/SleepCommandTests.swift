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
                        let answer = try await fleet.chat("tiny").run()
                        #expect(answer.output.contains("\"choices\""))
                        let end = try await machine.ended(within: .seconds(60))
                        #expect(end.code != 0)
                    }
                    let note = try String(contentsOf: folder.appendingPathComponent("asleep"), encoding: .utf8)
                    #expect(note == "gone\n")
                    let list = try await fleet.curl("/v1/models").run().output
                    #expect(list.contains("\"state\":\"asleep\""), "\(list)")

                    // A call wakes it; nobody hears the packet, so the machine comes by itself.
                    try await RunningProcess.run(try fleet.chat("tiny")) { caller in
                        try await fleet.metrics { $0.contains("simpleai_runners{state=\"waking\"} 1") }
                        try await fleet.runner("tiny", engine: engine, more: power) { _ in
                            let answer = try await caller.ended(within: .seconds(60))
                            #expect(answer.output.contains("tiny says hello"), "\(answer.text)")
                        }
                    }
                }
            }
        }
    }
}
