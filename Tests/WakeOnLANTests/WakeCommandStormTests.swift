import Foundation
import SimpleAICore
import Testing

@testable import WakeOnLAN

/// Many runs of every kind leak no descriptors, children or memory. `make storm` runs ten thousand.
@Suite(.serialized, .timeLimit(.minutes(30))) struct WakeCommandStormTests {
    private static let count = ProcessInfo.processInfo.environment["SIMPLEAI_STORM_RUNS"].flatMap { Int($0) } ?? 200

    private struct Figures: CustomStringConvertible {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
        /// Children of this process, zombies included.
        let children = Figures.children()
        /// In KiB.
        let memory = Figures.memory()

        var description: String {
            "\(descriptors) descriptors, \(children) children, \(threads) threads, \(memory) KiB resident"
        }

        private static func children() -> Int {
            let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
            return tasks.reduce(0) { count, task in
                let list = (try? String(contentsOfFile: "/proc/self/task/\(task)/children", encoding: .utf8)) ?? ""
                return count + list.split(separator: " ").count
            }
        }

        private static func memory() -> Int {
            let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
            return Int(line.filter(\.isNumber)) ?? 0
        }
    }

    /// The kinds of commands, and whether each succeeds.
    private static let kinds: [(name: String, request: PowerCommandRequest, isSuccess: Bool)] = [
        ("good", PowerCommandRequest(program: "true"), true),
        ("failing", PowerCommandRequest(program: "sh", arguments: ["-c", "echo no >&2; exit 3"]), false),
        ("missing", PowerCommandRequest(program: "no-such-program-anywhere"), false),
        ("hanging", PowerCommandRequest(program: "sleep", arguments: ["600"]), false),
        ("forking", PowerCommandRequest(program: "sh", arguments: ["-c", "sleep 0.2 & exit 0"]), true),
        ("daemon", PowerCommandRequest(program: "setsid", arguments: ["-f", "sleep", "0.2"]), true),
        ("loud", PowerCommandRequest(program: "sh", arguments: ["-c", "seq 1 20000 >&2"]), true),
        ("killed", PowerCommandRequest(program: "sh", arguments: ["-c", "kill -9 $$"]), false),
    ]

    @Test func manyRunsLeaveNothingBehind() async throws {
        try await run(Self.kinds.count * 4)
        let before = Figures()
        try await run(Self.count)
        let deadline = ContinuousClock.now + .seconds(30)
        var after = Figures()
        // A thread closes its descriptors just after it delivers the result.
        while after.descriptors > before.descriptors || after.children > before.children,
            ContinuousClock.now < deadline
        {
            await Task.yield()
            after = Figures()
        }
        print("\(Self.count) runs of wake commands: before \(before); after \(after)")
        #expect(after.descriptors <= before.descriptors)
        #expect(after.children <= before.children)
        #expect(after.memory < before.memory + 32 << 10)
    }

    /// Eight at a time.
    private func run(_ count: Int) async throws {
        let command = WakeCommand(searchPath: "/usr/bin:/bin", timeout: .seconds(60))
        let impatient = WakeCommand(searchPath: "/usr/bin:/bin", timeout: .milliseconds(20))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<count {
                if index >= 8 { try await group.next() }
                let kind = Self.kinds[index % Self.kinds.count]
                group.addTask {
                    var isSuccess = true
                    do throws(PowerError) {
                        try await (kind.name == "hanging" ? impatient : command).run(kind.request)
                    } catch {
                        isSuccess = false
                    }
                    #expect(isSuccess == kind.isSuccess, "\(kind.name)")
                }
            }
            try await group.waitForAll()
        }
    }
}
