import Foundation
import OperatingSystem
import SimpleAICore

/// Runs a program that wakes a machine or puts it to sleep. Its environment contains `PATH` and `HOME`, but not the gateway's secrets; its
/// output is discarded, except the beginning of its standard error if it fails.
///
/// Only the exit status of the program itself decides about success. Processes that it leaves in the background survive
/// a success, and are killed after a failure or timeout, because the next attempt starts them again.
struct WakeCommand: Sendable {
    let searchPath: String
    var timeout: Duration = .seconds(30)

    /// Maximum number of bytes quoted from a failed program's standard error.
    private static let maxQuote = 400

    func run(_ request: PowerCommandRequest) async throws(PowerError) {
        func failed(_ reason: String) -> PowerError { .programFailed(program: request.program, reason: reason) }
        guard let path = ExecutableFile.path(of: request.program, searchPath: searchPath) else {
            throw failed("does not exist or is not executable")
        }
        var process = ChildProcess(executable: path, arguments: request.arguments, environment: environment)
        process.errors = .captured(.first(Self.maxQuote))
        process.timeout = timeout
        let ending: ChildProcessEnding
        do throws(SystemError) {
            ending = try await process.run()
        } catch {
            throw failed("cannot be started: \(error)")
        }
        if ending.didTimeOut { throw failed("was stopped after \(timeout)") }
        if ending.wasCancelled { throw failed("was stopped") }
        switch ending.status {
        case .exited(0): return
        case .exited(let status): throw failed("exited with status \(status)\(Self.quote(ending.errors))")
        case .signalled(let signal): throw failed("was terminated by signal \(signal)\(Self.quote(ending.errors))")
        }
    }

    private var environment: [String: String] {
        var variables = ["PATH": searchPath]
        variables["HOME"] = ProcessInfo.processInfo.environment["HOME"]
        return variables
    }

    /// Joins the text into one line.
    private static func quote(_ bytes: [UInt8]) -> String {
        let words = String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace || $0.isNewline }
        return words.isEmpty ? "" : ": \(words.joined(separator: " "))"
    }
}
