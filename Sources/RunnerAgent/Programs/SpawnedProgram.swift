import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A started process: its number and our ends of its pipes.
struct SpawnedProgram: Sendable {
    let pid: pid_t
    /// Its standard input; closed when it has ended.
    let input: Int32
    /// Its standard output and standard error.
    let output: Int32

    /// One start at a time: a child must not inherit the pipes of another that are not marked yet.
    private static let starting = Mutex(())

    /// Starts it as the leader of a process group of its own, with no signal blocked or ignored.
    static func start(_ executable: String, _ arguments: [String]) throws(Program.StartFailure) -> SpawnedProgram {
        let result: Result<SpawnedProgram, Program.StartFailure> = starting.withLock { _ in
            do throws(Program.StartFailure) {
                return .success(try SpawnedProgram(executable, arguments))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(_ executable: String, _ arguments: [String]) throws(Program.StartFailure) {
        let (inputReader, inputWriter) = try Self.pipe()
        let (outputReader, outputWriter) = try Self.pipe()
        #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #else
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
            close(inputReader)
            close(outputWriter)
        }
        posix_spawn_file_actions_adddup2(&actions, inputReader, 0)
        posix_spawn_file_actions_adddup2(&actions, outputWriter, 1)
        posix_spawn_file_actions_adddup2(&actions, outputWriter, 2)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var ordinary = sigset_t()
        sigemptyset(&ordinary)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT] { sigaddset(&ordinary, signal) }
        posix_spawnattr_setsigdefault(&attributes, &ordinary)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETPGROUP)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var words = ([executable] + arguments).map { strdup($0) }
        var surroundings = ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") }
        defer { for word in words + surroundings { free(word) } }
        words.append(nil)
        surroundings.append(nil)
        var pid: pid_t = 0
        let result = posix_spawn(&pid, executable, &actions, &attributes, words, surroundings)
        guard result == 0 else {
            close(inputWriter)
            close(outputReader)
            throw Program.StartFailure(
                description: "\(executable) cannot be started: \(String(cString: strerror(result)))")
        }
        self.pid = pid
        input = inputWriter
        output = outputReader
    }

    /// Blocks until it has ended, and leaves it where `reap` finds it.
    func awaitExit() {
        var found = siginfo_t()
        while waitid(P_PID, id_t(pid), &found, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    }

    /// The exit code of a process that has ended; the number of the signal that ended it, negative.
    func reap() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : -signal
    }

    /// A pipe whose ends no other child inherits.
    private static func pipe() throws(Program.StartFailure) -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard systemPipe(&ends) == 0 else {
            throw Program.StartFailure(description: "no pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}

// The name of the system, where a method of ours has the same.
private func systemPipe(_ ends: UnsafeMutablePointer<Int32>) -> Int32 { pipe(ends) }
