import Foundation
import OperatingSystem
import SimpleAICore

/// Runs a program that wakes a machine. Its environment holds `PATH` and `HOME`, not the gateway's secrets; its output is
/// dropped, except the beginning of its standard error where it fails.
///
/// The program's own exit status decides. What it leaves in the background lives on where it succeeds, and is killed
/// where it fails or takes too long, since the next attempt runs it again.
struct WakeCommand: Sendable {
    let searchPath: String
    var timeout: Duration = .seconds(30)

    /// In bytes, of what a failed program writes to its standard error.
    private static let maxQuote = 400

    func run(_ request: WakeCommandRequest) async throws(WakeSendError) {
        func failed(_ reason: String) -> WakeSendError { .programFailed(program: request.program, reason: reason) }
        guard let path = ExecutableFile.path(of: request.program, searchPath: searchPath) else {
            throw failed("is not there, or may not be executed")
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
        if ending.didTimeOut { throw failed("did not end within \(timeout) and was stopped") }
        if ending.wasCancelled { throw failed("was stopped") }
        switch ending.status {
        case .exited(0): return
        case .exited(let status): throw failed("ended with \(status)\(Self.quote(ending.errors))")
        case .signalled(let signal): throw failed("was ended by signal \(signal)\(Self.quote(ending.errors))")
        }
    }

    private var environment: [String: String] {
        var variables = ["PATH": searchPath]
        variables["HOME"] = ProcessInfo.processInfo.environment["HOME"]
        return variables
    }

    /// On one line.
    private static func quote(_ bytes: [UInt8]) -> String {
        let words = String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace || $0.isNewline }
        return words.isEmpty ? "" : ": \(words.joined(separator: " "))"
    }
}
