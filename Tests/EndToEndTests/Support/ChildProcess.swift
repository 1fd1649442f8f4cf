import Foundation
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A started program: its process id and the parent's ends of its pipes.
///
/// Not Foundation's `Process`: if several tests start one at the same time, it misses a child's exit, and children
/// inherit the blocked signals of the thread that starts them.
struct ChildProcess: Sendable {
    let id: pid_t
    let output: Int32
    let errors: Int32

    struct Failure: Error, CustomStringConvertible {
        let what: String
        let number: Int32
        var description: String { "\(what): \(String(cString: strerror(number)))" }
    }

    /// One start at a time: a child must not inherit another child's pipes before they are marked close-on-exec.
    private static let starting = Mutex(())

    init(_ program: Program) throws {
        self = try Self.starting.withLock { _ in try Self.start(program) }
    }

    /// Blocks until the program has ended. Returns the code that a shell shows: 128 + number for a signal.
    func waitForEnd() -> Int32 {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }

    /// Blocks until data is available; returns nil at the end.
    static func read(_ descriptor: Int32) -> Data? {
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = buffer.withUnsafeMutableBytes { unistdRead(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { return Data(buffer[..<count]) }
            if count == 0 || errno != EINTR { return nil }
        }
    }

    private static func start(_ program: Program) throws -> ChildProcess {
        let path = program.executable.path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Failure(what: "cannot start \(path)", number: ENOENT)
        }
        let (outputReader, outputWriter) = try pipe()
        let (errorReader, errorWriter) = try pipe()
        defer {
            close(outputWriter)
            close(errorWriter)
        }
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
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, outputWriter, 1)
        posix_spawn_file_actions_adddup2(&actions, errorWriter, 2)

        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var ordinary = sigset_t()
        sigemptyset(&ordinary)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&ordinary, signal) }
        posix_spawnattr_setsigdefault(&attributes, &ordinary)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))

        // The shell changes the directory, which not every C library supports in posix_spawn, and then executes the
        // program.
        let shell = ["sh", "-c", #"cd "$0" && exec "$@""#, program.directory.path, path] + program.arguments
        var id: pid_t = 0
        let result = withCStrings(shell) { arguments in
            withCStrings(program.environment.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawn(&id, "/bin/sh", &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else {
            close(outputReader)
            close(errorReader)
            throw Failure(what: "cannot start \(path)", number: result)
        }
        return ChildProcess(id: id, output: outputReader, errors: errorReader)
    }

    private init(id: pid_t, output: Int32, errors: Int32) {
        self.id = id
        self.output = output
        self.errors = errors
    }

    /// A pipe with close-on-exec ends, so that no child inherits them.
    private static func pipe() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [0, 0]
        guard unistdPipe(&ends) == 0 else { throw Failure(what: "no pipe", number: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}

// The system's functions, where a method here has the same name.
private let unistdRead = read
private func unistdPipe(_ ends: UnsafeMutablePointer<Int32>) -> Int32 { pipe(ends) }

/// A null-terminated array of C strings, as `exec` and similar functions take it.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}
