import Foundation
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A program under test, started as a shell would start it; a test can wait for its output.
final class RunningProcess: Sendable {
    enum Channel: Sendable { case output, errors }

    struct Transcript: Sendable {
        fileprivate(set) var output = Data()
        fileprivate(set) var errors = Data()
        fileprivate var openChannels = 2
        fileprivate var exitCode: Int32?

        /// Only complete lines: a line counts when its end has arrived.
        func lines(_ channel: Channel) -> [String] {
            let text = String(decoding: channel == .output ? output : errors, as: UTF8.self)
            return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
        var text: String { String(decoding: output + errors, as: UTF8.self) }
        fileprivate var hasEnded: Bool { exitCode != nil && openChannels == 0 }
    }

    /// The program ended before it printed the expected text.
    struct EndedEarly: Error, CustomStringConvertible {
        let awaited: String
        let seen: String
        var description: String { "the program ended without \(awaited); its output:\n\(seen)" }
    }

    /// How a program ended: the exit code, as a shell shows it (128 + number for a signal), and its whole output.
    struct Ended: Sendable {
        let code: Int32
        let output: String
        let errors: String
        var text: String { output + errors }
    }

    private struct State {
        var transcript = Transcript()
        var observers: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextObserver = 0
    }

    private let child: ChildProcess
    private let state = Mutex(State())

    /// The process id.
    var id: Int32 { child.id }

    private init(_ program: Program) throws {
        child = try ChildProcess(program)
        // Threads, not tasks: each blocks on reading for as long as the program runs.
        listen(to: child.output, \.output)
        listen(to: child.errors, \.errors)
        Thread.detachNewThread { [self] in
            let code = child.waitForEnd()
            change { $0.exitCode = code }
        }
    }

    /// Runs `body` beside the program, which has ended when this returns.
    static func run<Value: Sendable>(
        _ program: Program, _ body: (RunningProcess) async throws -> Value
    ) async throws -> Value {
        let running = try RunningProcess(program)
        do {
            let value = try await body(running)
            try await running.stop()
            return value
        } catch {
            try await running.stop()
            throw error
        }
    }

    /// The first line on `channel` that is `wanted`, including earlier lines.
    func line(
        _ awaited: String, on channel: Channel = .output, within limit: Duration = .seconds(60),
        where wanted: @escaping @Sendable (String) -> Bool
    ) async throws -> String {
        try await seen("a line with \(awaited)", within: limit) { transcript in
            if let line = transcript.lines(channel).first(where: wanted) { return line }
            if transcript.hasEnded { throw EndedEarly(awaited: awaited, seen: transcript.text) }
            return nil
        }
    }

    /// Returns when the program has printed `part` that many times on standard error.
    func prints(_ part: String, times: Int, within limit: Duration = .seconds(60)) async throws {
        try await seen("\(part), \(times) times", within: limit) { transcript in
            if transcript.lines(.errors).count(where: { $0.contains(part) }) >= times { return () }
            if transcript.hasEnded { throw EndedEarly(awaited: part, seen: transcript.text) }
            return nil
        }
    }

    /// How the program ended, once it has ended and its whole output has arrived.
    func ended(within limit: Duration) async throws -> Ended {
        try await seen("the end of the program", within: limit) { transcript in
            guard let code = transcript.exitCode, transcript.hasEnded else { return nil }
            return Ended(
                code: code, output: String(decoding: transcript.output, as: UTF8.self),
                errors: String(decoding: transcript.errors, as: UTF8.self))
        }
    }

    /// Sends SIGINT, like Ctrl-C.
    func interrupt() { signal(SIGINT) }

    func hangUp() { signal(SIGHUP) }

    /// Sends SIGTERM.
    func terminate() { signal(SIGTERM) }

    /// Sends SIGKILL, like the kernel when memory is short.
    func kill() { signal(SIGKILL) }

    /// Sends a signal to the program, unless it has ended: its id may belong to another process by now.
    private func signal(_ number: Int32) {
        state.withLock { state in
            if state.transcript.exitCode == nil { _ = systemKill(child.id, number) }
        }
    }

    private func stop() async throws {
        signal(SIGTERM)
        do {
            _ = try await seen("the program's end after SIGTERM", within: .seconds(30), \.exitCode)
        } catch {
            signal(SIGKILL)
            throw error
        }
    }

    private func seen<Value: Sendable>(
        _ awaited: String, within limit: Duration, _ look: @escaping @Sendable (Transcript) throws -> Value?
    ) async throws -> Value {
        do {
            return try await value(of: awaited, within: limit) { [self] in
                for await _ in changes() {
                    if let value = try look(state.withLock(\.transcript)) { return value }
                }
                throw CancellationError()
            }
        } catch var late as DeadlinePassed {
            late.seen = state.withLock(\.transcript.text)
            throw late
        }
    }

    /// One element at once, and one after each change; changes that were not consumed yet are merged into one.
    private func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextObserver += 1
            state.observers[state.nextObserver] = continuation
            return state.nextObserver
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.observers.removeValue(forKey: number) }
        }
        continuation.yield()
        return stream
    }

    private func change(_ body: (inout Transcript) -> Void) {
        let observers = state.withLock { state in
            body(&state.transcript)
            return Array(state.observers.values)
        }
        for observer in observers { observer.yield() }
    }

    private func listen(to descriptor: Int32, _ channel: any WritableKeyPath<Transcript, Data> & Sendable) {
        Thread.detachNewThread { [self] in
            while let data = ChildProcess.read(descriptor) {
                change { $0[keyPath: channel].append(data) }
            }
            close(descriptor)
            change { $0.openChannels -= 1 }
        }
    }
}

// The system's function, where a method here has the same name.
private func systemKill(_ id: pid_t, _ number: Int32) -> Int32 { kill(id, number) }
