import Foundation
import OperatingSystem

/// A program that the operator provides: it prints a token, or puts a machine to sleep.
public struct ExternalProgram: Sendable {
    struct Result: Sendable {
        /// The exit status, or the number of the signal.
        let status: Int32
        /// Whether a signal ended it.
        let wasKilled: Bool
        let output: String
        let errors: String
    }

    /// Why the program returned no result.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    let executable: String
    let leadingArguments: [String]

    /// The program as the operator wrote it.
    public var name: String { ([executable] + leadingArguments).joined(separator: " ") }

    /// Parses the path of an existing file, or a program with its leading arguments, separated by spaces. A program without
    /// a slash is also searched for in `searchPath`, in the format of `PATH`.
    ///
    /// - Throws: ``TokenProblem`` if there is no such program.
    public init(parsing text: String, searchPath: String?) throws(TokenProblem) {
        let files = FileManager.default
        if files.fileExists(atPath: text) {
            executable = text
            leadingArguments = []
        } else {
            let words = text.split(separator: " ").map(String.init)
            guard let first = words.first else { throw TokenProblem("the program's name is empty") }
            leadingArguments = Array(words.dropFirst())
            if first.contains("/") || files.fileExists(atPath: first) {
                executable = first
            } else {
                let candidates = (searchPath ?? "").split(separator: ":").map { "\($0)/\(first)" }
                guard let found = candidates.first(where: files.isExecutableFile) else {
                    throw TokenProblem("the program '\(text)' was found neither here nor on the PATH; check its path")
                }
                executable = found
            }
        }
        var isDirectory: ObjCBool = false
        guard files.fileExists(atPath: executable, isDirectory: &isDirectory), !isDirectory.boolValue else {
            throw TokenProblem("the program '\(executable)' does not exist; check its path")
        }
        guard files.isExecutableFile(atPath: executable) else {
            throw TokenProblem("'\(executable)' is not executable; run chmod +x on it")
        }
    }

    /// Runs the program to completion. Processes that it leaves in the background do not delay the result.
    ///
    /// - Throws: ``Problem`` if it cannot start or does not finish within `limit` (it is then killed);
    ///   `CancellationError` if the task was cancelled (it is then killed, too).
    func run(_ arguments: [String], limit: Duration) async throws -> Result {
        var process = ChildProcess(
            executable: executable, arguments: leadingArguments + arguments,
            environment: ProcessInfo.processInfo.environment)
        process.output = .first(Self.maxOutput)
        process.errors = .captured(.last(Self.maxOutput))
        process.timeout = limit
        let ending: ChildProcessEnding
        do throws(SystemError) {
            ending = try await process.run()
        } catch {
            let hint =
                error.isExhaustion
                ? "\(error)" : "check its architecture and the interpreter in its first line"
            throw Problem(description: "'\(name)' cannot be started; \(hint)")
        }
        if ending.wasCancelled { throw CancellationError() }
        let errors = String(decoding: ending.errors, as: UTF8.self)
        guard !ending.didTimeOut else {
            let lastOutput = Self.onOneLine(errors)
            let tail = lastOutput.isEmpty ? "; run it manually to see what it waits for" : "; its stderr: \(lastOutput)"
            throw Problem(description: "'\(name)' was stopped after \(limit.readable)\(tail)")
        }
        let output = String(decoding: ending.output, as: UTF8.self)
        return switch ending.status {
        case .exited(let status): Result(status: status, wasKilled: false, output: output, errors: errors)
        case .signalled(let signal): Result(status: signal, wasKilled: true, output: output, errors: errors)
        }
    }

    /// Maximum output to keep per stream, in bytes.
    private static let maxOutput = 1 << 20

    /// The end of a program's output, on one line.
    static func onOneLine(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        return String(lines.filter { !$0.isEmpty }.joined(separator: " / ").suffix(600))
    }
}

extension ExternalProgram {
    /// Runs the program as the `--sleep-command`.
    ///
    /// - Throws: an INCONCLUSIVE ``Finding`` if it does not succeed within 60 seconds.
    public func putToSleep() async throws {
        do {
            let result = try await run([], limit: .seconds(60))
            guard result.status == 0 else {
                let lastOutput = Self.onOneLine(result.errors)
                throw Finding.inconclusive("--sleep-command exited with status \(result.status): \(lastOutput)")
            }
        } catch let problem as Problem {
            throw Finding.inconclusive("--sleep-command: \(problem)")
        }
    }
}
