import Foundation
import OperatingSystem

/// An executable and its arguments, run as a child process. No shell is involved.
struct Program: Sendable {
    struct Ending: Hashable, Sendable {
        /// The exit code, or the negative number of the signal that ended the program.
        var code: Int32
        /// The end of its output, standard output and standard error combined.
        var lastOutput: String
    }

    struct StartFailure: Error, CustomStringConvertible {
        let description: String
    }

    /// What happens to processes that the program leaves behind.
    var background = ChildProcess.BackgroundProcesses.keptOnSuccess

    private let executable: String
    private let arguments: [String]

    /// Between SIGTERM and SIGKILL.
    private static let stopGracePeriod: Duration = .seconds(5)

    /// - Parameter command: the executable, as a path or a name in PATH, and its arguments.
    /// - Throws: if there is no such executable.
    init(_ command: [String]) throws(StartFailure) {
        guard let name = command.first, let path = Self.path(of: name) else {
            throw StartFailure(description: "executable \(command.first ?? "") not found")
        }
        executable = path
        arguments = Array(command.dropFirst())
    }

    /// The path that a shell would find; nil if there is none.
    static func path(of name: String) -> String? {
        ExecutableFile.path(of: name, searchPath: ExecutableFile.searchPath)
    }

    /// Starts the program and returns when it has ended. On cancellation it terminates the program, and kills it after
    /// the grace period.
    ///
    /// Its standard input stays open without data while this process lives, so that the program can detect this
    /// process's end, whatever the cause.
    /// - Parameter limit: maximum number of bytes kept from the end of its output.
    func run(
        keeping limit: Int = 2_048, onStart: @escaping @Sendable (_ pid: Int32) -> Void = { _ in }
    ) async throws(StartFailure) -> Ending {
        try await run(keeping: limit, timeout: nil, onStart: onStart).ending
    }

    /// Runs the program and stops it when it exceeds a time limit.
    /// - Parameters:
    ///   - limit: maximum run time, not counting suspension of the machine.
    ///   - isExempt: called when the limit is reached; true lets the program run to its end.
    func run(
        within limit: Duration, isExempt: @escaping @Sendable () -> Bool
    ) async throws(StartFailure) -> (ending: Ending, didTimeOut: Bool) {
        let result = await withTaskGroup(of: Result<Ending, StartFailure>?.self) { group in
            group.addTask {
                do throws(StartFailure) {
                    return .success(try await run())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await Task.sleep(for: limit, clock: .suspending)
                return nil
            }
            var didTimeOut = false
            var result: Result<Ending, StartFailure>?
            while let next = await group.next() {
                if let next {
                    result = next
                    // Ends the timer.
                    group.cancelAll()
                } else if result == nil, !Task.isCancelled, !isExempt() {
                    didTimeOut = true
                    // Stops the program.
                    group.cancelAll()
                }
            }
            return result.map { $0.map { ($0, didTimeOut) } }
        }
        guard let result else { throw StartFailure(description: "\(executable) was not started") }
        return try result.get()
    }

    /// The complete output of a short-running program; nil if it fails or exceeds the limit.
    func output(within limit: Duration) async -> String? {
        guard let run = try? await run(keeping: 64 << 10, timeout: limit, onStart: { _ in }), run.isSuccess else {
            return nil
        }
        return run.ending.lastOutput
    }

    private func run(
        keeping limit: Int, timeout: Duration?, onStart: @escaping @Sendable (_ pid: Int32) -> Void
    ) async throws(StartFailure) -> (ending: Ending, isSuccess: Bool) {
        var process = ChildProcess(
            executable: executable, arguments: arguments, environment: ProcessInfo.processInfo.environment)
        process.input = .heldOpen
        process.output = .last(limit)
        process.errors = .joinsOutput
        process.background = background
        process.timeout = timeout
        process.stopGracePeriod = timeout == nil ? Self.stopGracePeriod : .zero
        let ending: ChildProcessEnding
        do throws(SystemError) {
            ending = try await process.run(onStart: onStart)
        } catch {
            throw StartFailure(description: "\(executable) cannot be started: \(error.description)")
        }
        let text = String(decoding: ending.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return (Ending(code: ending.status.code, lastOutput: text), ending.isSuccess)
    }
}

extension ChildProcessEnding.Status {
    /// The exit code, or the negative number of a signal.
    fileprivate var code: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): -signal
        }
    }
}
