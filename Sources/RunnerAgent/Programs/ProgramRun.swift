import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One run of a program, from its start to its last byte.
///
/// Not Foundation's `Process`: its children inherit the signals that the thread which starts them has blocked, SIGTERM
/// among them, and share our process group.
final class ProgramRun: Sendable {
    typealias Completion = @Sendable (Result<Program.Ending, Program.StartFailure>) -> Void

    private struct State {
        var output: [UInt8] = []
        var pid: pid_t?
        var isStopped = false
        var code: Int32?
        var outputHasEnded = false
        var completion: Completion?
    }

    private let executable: String
    private let arguments: [String]
    private let limit: Int
    private let state = Mutex(State())

    /// How long a program may take to end after SIGTERM.
    private static let patience: DispatchTimeInterval = .seconds(5)
    /// For the last bytes of a program that has ended; children of its own may hold its output open for ever.
    private static let lastBytes: DispatchTimeInterval = .milliseconds(300)

    init(executable: String, arguments: [String], keeping limit: Int) {
        self.executable = executable
        self.arguments = arguments
        self.limit = limit
    }

    /// - Parameter completion: called once.
    func start(onStart: @Sendable (Int32) -> Void, completion: @escaping Completion) {
        state.withLock { $0.completion = completion }
        let spawned: SpawnedProgram
        do throws(Program.StartFailure) {
            spawned = try SpawnedProgram.start(executable, arguments)
        } catch {
            return complete(.failure(error))
        }
        let isStopped = state.withLock { state in
            state.pid = spawned.pid
            return state.isStopped
        }
        onStart(spawned.pid)
        // Threads, not tasks: each blocks until something comes, for as long as the program runs.
        Thread.detachNewThread { self.read(spawned.output) }
        Thread.detachNewThread { self.awaitEnd(of: spawned) }
        // Told to stop before there was anything to stop.
        if isStopped { terminate() }
    }

    /// SIGTERM now, SIGKILL when that does not help.
    func stop() {
        state.withLock { $0.isStopped = true }
        terminate()
    }

    private func terminate() {
        signal(SIGTERM)
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { self.signal(SIGKILL) }
    }

    /// To the program and those that it has started; not to whoever has its number after its end.
    private func signal(_ number: Int32) {
        state.withLock { state in
            if let pid = state.pid, state.code == nil { _ = kill(-pid, number) }
        }
    }

    private func read(_ descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = systemRead(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            state.withLock { state in
                state.output += buffer[..<count]
                if state.output.count > limit { state.output.removeFirst(state.output.count - limit) }
            }
        }
        _ = close(descriptor)
        let hasExited = state.withLock { state in
            state.outputHasEnded = true
            return state.code != nil
        }
        if hasExited { finish() }
    }

    private func awaitEnd(of spawned: SpawnedProgram) {
        // Looked at before it is taken off the list of processes, so that no signal of ours can meet a stranger.
        spawned.awaitExit()
        let outputHasEnded = state.withLock { state in
            state.code = spawned.reap()
            return state.outputHasEnded
        }
        _ = close(spawned.input)
        guard !outputHasEnded else { return finish() }
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.lastBytes) { self.finish() }
    }

    private func finish() {
        let (code, output) = state.withLock { ($0.code ?? 0, $0.output) }
        let words = String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        complete(.success(Program.Ending(code: code, lastWords: words)))
    }

    private func complete(_ result: Result<Program.Ending, Program.StartFailure>) {
        let completion = state.withLock { state in
            defer { state.completion = nil }
            return state.completion
        }
        completion?(result)
    }
}

private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
