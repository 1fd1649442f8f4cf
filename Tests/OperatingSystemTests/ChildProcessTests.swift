import Foundation
import Testing

@testable import OperatingSystem

/// Real programs.
@Suite(.timeLimit(.minutes(2))) struct ChildProcessTests {
    private func shell(_ script: String, _ configure: (inout ChildProcess) -> Void = { _ in }) -> ChildProcess {
        var process = ChildProcess(
            executable: "/bin/sh", arguments: ["-c", script], environment: ["PATH": "/usr/bin:/bin"])
        configure(&process)
        return process
    }

    @Test func returnsOutputAndStatus() async throws {
        let ending = try await shell("echo one; echo two >&2; exit 7") {
            $0.output = .first(100)
            $0.errors = .captured(.first(100))
        }.run()
        #expect(ending.status == .exited(7) && !ending.isSuccess)
        #expect(String(decoding: ending.output, as: UTF8.self) == "one\n")
        #expect(String(decoding: ending.errors, as: UTF8.self) == "two\n")
    }

    @Test func readsLongOutputCompletely() async throws {
        let first = try await shell("seq 1 100000") { $0.output = .first(10) }.run()
        #expect(String(decoding: first.output, as: UTF8.self) == "1\n2\n3\n4\n5\n")
        let last = try await shell("seq 1 100000; echo end >&2") {
            $0.output = .last(4)
            $0.errors = .joinsOutput
        }.run()
        #expect(String(decoding: last.output, as: UTF8.self) == "end\n")
        #expect(last.isSuccess)
    }

    @Test func aBackgroundProcessDoesNotDelayTheResult() async throws {
        // The grandchild keeps the child's descriptors, and outlives it.
        let ending = try await shell("sleep 600 & echo $!; exit 0") {
            $0.output = .first(100)
            $0.errors = .captured(.first(100))
            $0.timeout = .seconds(100)
        }.run()
        let pid = try #require(Int32(String(decoding: ending.output, as: UTF8.self).dropLast()))
        #expect(ending.isSuccess)
        #expect(kill(pid, 0) == 0)
        kill(pid, SIGKILL)
    }

    @Test(arguments: zip([ChildProcess.BackgroundProcesses.keptOnSuccess, .killed], [Int32(1), 0]))
    func endsBackgroundProcesses(_ background: ChildProcess.BackgroundProcesses, status: Int32) async throws {
        let ending = try await shell("exec 2>/dev/null; sleep 600 & echo $!; exit \(status)") {
            $0.output = .first(100)
            $0.background = background
        }.run()
        let pid = try #require(Int32(String(decoding: ending.output, as: UTF8.self).dropLast()))
        #expect(ending.status == .exited(status))
        try await eventually { Self.isGone(pid) }
    }

    @Test func aChildThatHangsIsStoppedWithItsGroup() async throws {
        let ending = try await shell("sleep 600 & echo $!; sleep 600") {
            $0.output = .first(100)
            $0.timeout = .milliseconds(300)
        }.run()
        #expect(ending.didTimeOut && ending.status == .signalled(SIGKILL))
        let pid = try #require(Int32(String(decoding: ending.output, as: UTF8.self).dropLast()))
        try await eventually { Self.isGone(pid) }
    }

    @Test func aCancelledChildMayExitWithinTheGracePeriod() async throws {
        let (pids, started) = AsyncStream.makeStream(of: Int32.self)
        let process = shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done") {
            $0.output = .first(100)
            $0.stopGracePeriod = .seconds(60)
        }
        let ending = try await withThrowingTaskGroup(of: ChildProcessEnding.self) { group in
            group.addTask { try await process.run { started.yield($0) } }
            for await _ in pids { break }
            group.cancelAll()
            return try await group.next()
        }
        #expect(ending?.wasCancelled == true)
        #expect([.exited(3), .signalled(SIGTERM)].contains(ending?.status))
    }

    @Test func theChildInheritsOnlyItsStreams() async throws {
        // A descriptor without close-on-exec, as a parent process may have left one.
        let stray = open("/dev/null", O_RDONLY)
        defer { close(stray) }
        let old = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, old) }
        let ending = try await shell("ls /proc/self/fd; grep SigIgn /proc/self/status; grep SigBlk /proc/self/status") {
            $0.output = .first(1_000)
        }.run()
        let lines = String(decoding: ending.output, as: UTF8.self).split(separator: "\n").map(String.init)
        // 3 is the directory that `ls` reads.
        #expect(lines.filter { Int($0) != nil } == ["0", "1", "2", "3"])
        // Without 32 and 33, which belong to the C library's threads.
        let masks = lines.suffix(2).map { UInt64($0.suffix(16), radix: 16).map { $0 & 0x7FFF_FFFF } }
        #expect(masks == [0, 0])
    }

    @Test func theChildGetsTheOriginalDescriptorLimit() async throws {
        let before = DescriptorLimit.current
        DescriptorLimit.raise()
        let ending = try await shell("sleep 0.05; ulimit -n") { $0.output = .first(100) }.run()
        let limit = String(decoding: ending.output, as: UTF8.self).dropLast()
        #expect(Int(limit) == before || before == .max)
    }

    @Test func aProgramThatCannotBeStartedIsAnError() async throws {
        await #expect(throws: SystemError(number: ENOENT)) {
            try await ChildProcess(executable: "/no/such/program", environment: [:]).run()
        }
        await #expect(throws: SystemError(number: ENOEXEC)) {
            // An executable file that is not a program.
            let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
            try "no program".write(toFile: path, atomically: true, encoding: .utf8)
            defer { unlink(path) }
            chmod(path, 0o755)
            _ = try await ChildProcess(executable: path, environment: [:]).run()
        }
    }

    @Test func findsExecutablesLikeAShell() {
        #expect(ExecutableFile.path(of: "sh", searchPath: "/no/such:/bin") == "/bin/sh")
        #expect(ExecutableFile.path(of: "/bin/sh", searchPath: "") == "/bin/sh")
        for none in ["", "no-such-program-here", "/no/such", "/tmp", "/etc/passwd", "s\0h"] {
            #expect(ExecutableFile.path(of: none, searchPath: "/usr/bin:/bin") == nil)
        }
    }

    /// Whether it has ended, or is a zombie of the process that adopted it.
    private static func isGone(_ pid: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return true }
        return status.contains(") Z ")
    }

    private func eventually(_ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !condition() {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }
}
