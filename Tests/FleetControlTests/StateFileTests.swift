import Foundation
import OperatingSystem
import SimpleAICore
import TestSupport
import Testing

@testable import FleetControl
@testable import Scheduling

@Suite struct StateFileTests {
    @Test func readsWhatItWrote() async throws {
        var state = SchedulerState()
        let now = ContinuousClock.now
        state.add(
            Runner(id: "a", canBeWoken: true, aliases: ["public": "engine"]),
            bootTime: BootTime(mean: .milliseconds(41_250), recent: [.seconds(50), .seconds(40)]))
        state.add(Runner(id: "b"))
        state.add(Runner(id: "silent"))
        state.runnerResponded("a", engineModels: ["z", "engine"], now: now)
        state.runnerResponded("b", engineModels: ["m"], now: now)
        let content = StateFile.Content(state.snapshot(now: now))
        // The engine's own ids, so that aliases can change in between.
        #expect(
            content.runners["a"]
                == StateFile.RememberedRunner(
                    models: ["engine", "z"], bootMilliseconds: 41_250, recentBootMilliseconds: [50_000, 40_000]))
        #expect(content.runners["b"] == StateFile.RememberedRunner(models: ["m"], bootMilliseconds: nil))
        // Without a report from the runner, an older file's entry must not be overwritten.
        #expect(content.runners["silent"] == nil)
        try inTemporaryDirectory { directory in
            let file = StateFile(path: directory.appendingPathComponent("state.json").path)
            #expect(file.open() == StateFile.Opened())
            try file.write(content)
            #expect(file.open().content == content)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["state.json"])
        }
    }

    @Test func machinesOfAgentsAreRememberedIfTheyCanBeWoken() async throws {
        var state = SchedulerState()
        let now = ContinuousClock.now
        let machine = MachineDirectory.AgentMachine(
            name: "GPU", machineType: "gpu", mac: "AA:BB:CC:DD:EE:FF", aliases: ["public": "engine"])
        let fixed = MachineDirectory.AgentMachine(name: "Fixed", machineType: "", mac: nil)
        for (id, machine) in [("wakeable", machine), ("fixed", fixed)] {
            state.put(Runner(RunnerID(id), machine), now: now)
            state.agentConnected(RunnerID(id), now: now)
            state.agentReported(RunnerID(id), RunnerReport(models: [.init(engineID: "engine")]), now: now)
        }
        let content = StateFile.Content(state.snapshot(now: now), agents: ["wakeable": machine, "fixed": fixed])
        #expect(content.runners.keys.sorted() == ["wakeable"])
        #expect(content.runners["wakeable"]?.agent == machine)
        try inTemporaryDirectory { directory in
            let file = StateFile(path: directory.appendingPathComponent("state.json").path)
            try file.write(content)
            #expect(file.open().content == content)
        }
    }

    /// The format of version 0.1, without agents.
    @Test func anOlderFileIsRead() async throws {
        try inTemporaryDirectory { directory in
            let url = directory.appendingPathComponent("state.json")
            try Data(#"{"runners":{"a":{"bootMilliseconds":7,"models":["m"]}},"version":1}"#.utf8).write(to: url)
            let known = StateFile(path: url.path).open().content.runners["a"]
            #expect(known?.models == ["m"] && known?.bootMilliseconds == 7 && known?.agent == nil)
        }
    }

    @Test(arguments: [
        "", "{", "[]", "\u{0}\u{0}", "{\"runners\":{}}", "{\"version\":2,\"runners\":{}}", "{\"version\":1}",
        "{\"version\":1,\"runners\":{\"a\":{\"models\":[7]}}}",
        "{\"version\":1,\"runners\":{\"a\":{\"models\":[\"m\"]}",
    ])
    func malformedFilesAreSetAside(_ text: String) async throws {
        try inTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("state.json").path
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let file = StateFile(path: path)
            let opened = file.open(now: Date(timeIntervalSince1970: 1_767_323_045))
            let place = path + ".broken-20260102T030405Z"
            #expect(
                opened.problem == .setAside(to: place, cause: "not a state file of version 1") && !opened.isWritten)
            #expect(opened.content == StateFile.Content())
            #expect(try Data(contentsOf: URL(fileURLWithPath: place)) == Data(text.utf8))
            // The path is free for a new file.
            try file.write(StateFile.Content())
            #expect(file.open().problem == nil)
        }
    }

    @Test func anUnusablePathDoesNotPreventTheStart() async throws {
        try inTemporaryDirectory { directory in
            let nowhere = StateFile(path: directory.appendingPathComponent("missing/state.json").path)
            #expect(nowhere.open() == StateFile.Opened())
            #expect(throws: StoredFile.Failure.system(SystemError(number: ENOENT))) {
                try nowhere.write(StateFile.Content())
            }
            let folder = StateFile(path: directory.path)
            #expect(folder.open().problem == .unusable(cause: "it is a directory, not a regular file"))
            #expect(FileManager.default.fileExists(atPath: directory.path))
        }
    }

    @Test func impossibleBootTimesAreDropped() async throws {
        try inTemporaryDirectory { directory in
            let url = directory.appendingPathComponent("state.json")
            let times = "\"bootMilliseconds\":9223372036854775807,\"recentBootMilliseconds\":[-1,7]"
            try Data("{\"runners\":{\"a\":{\"models\":[\"m\"],\(times)}},\"version\":1}".utf8).write(to: url)
            let known = StateFile(path: url.path).open().content.runners["a"]
            #expect(known?.bootMilliseconds == nil && known?.recentBootMilliseconds == [7])
        }
    }
}
