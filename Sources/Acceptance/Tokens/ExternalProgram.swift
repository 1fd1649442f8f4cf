import Foundation

/// A program of the operator's: one that prints a token, or one that puts a machine to sleep.
public struct ExternalProgram: Sendable {
    struct Result: Sendable {
        /// The exit status, or the signal's number.
        let status: Int32
        /// Whether a signal ended it.
        let wasKilled: Bool
        let output: String
        let errors: String
    }

    /// Why the program gave no result.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    let executable: String
    let leadingArguments: [String]

    /// The program in the operator's words.
    public var name: String { ([executable] + leadingArguments).joined(separator: " ") }

    /// Reads `PATH`: an existing file is that file; otherwise the first word is the program and the others are its
    /// leading arguments. A program without a slash is looked for in `searchPath`, too.
    ///
    /// - Throws: ``TokenProblem`` when there is no such program.
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
                    throw TokenProblem("there is no program '\(text)', neither here nor on the PATH; check its path")
                }
                executable = found
            }
        }
        var isDirectory: ObjCBool = false
        guard files.fileExists(atPath: executable, isDirectory: &isDirectory), !isDirectory.boolValue else {
            throw TokenProblem("there is no program '\(executable)'; check its path")
        }
        guard files.isExecutableFile(atPath: executable) else {
            throw TokenProblem("'\(executable)' is not executable; chmod +x makes it so")
        }
    }

    /// Runs the program to its end.
    ///
    /// Output goes to nameless files, not pipes: a grandchild that keeps a pipe open must not keep us waiting.
    ///
    /// - Throws: ``Problem`` when it cannot start or is not done within `limit` (it is killed then);
    ///   `CancellationError` when the task was cancelled (it is killed then, too).
    func run(_ arguments: [String], limit: Duration) async throws -> Result {
        let output = try NamelessFile()
        let errors = try NamelessFile()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = leadingArguments + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output.handle
        process.standardError = errors.handle
        let (ends, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { ended in
            continuation.yield(ended.terminationStatus)
            continuation.finish()
        }
        do {
            try process.run()
        } catch {
            // Foundation's own words for it ("error 256") help nobody.
            let hint = "is it a program for this machine, and the interpreter of its first line installed?"
            throw Problem(description: "'\(name)' does not start; \(hint)")
        }
        let pid = process.processIdentifier
        let status = try await withThrowingTaskGroup(of: Int32?.self) { group in
            defer { group.cancelAll() }
            group.addTask { await ends.first { _ in true } }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            do {
                let first = try await group.next() ?? nil
                if first == nil { Self.kill(pid) }
                return first
            } catch {
                Self.kill(pid)
                throw error
            }
        }
        guard let status else {
            try Task.checkCancellation()
            let said = Self.onOneLine(errors.text())
            let tail = said.isEmpty ? "; call it by hand to see what it waits for" : "; its stderr: \(said)"
            throw Problem(description: "'\(name)' did not end within \(limit.readable) and was stopped\(tail)")
        }
        return Result(
            status: status, wasKilled: process.terminationReason == .uncaughtSignal, output: output.text(),
            errors: errors.text())
    }

    /// The end of what a program said, fit for a sentence.
    static func onOneLine(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        return String(lines.filter { !$0.isEmpty }.joined(separator: " / ").suffix(600))
    }

    /// The program and whatever it started in its process group.
    private static func kill(_ pid: Int32) {
        if getpgid(pid) == pid { _ = Foundation.kill(-pid, SIGKILL) }
        _ = Foundation.kill(pid, SIGKILL)
    }
}

/// A temporary file that has no name any more: it vanishes with its last descriptor.
private struct NamelessFile {
    let handle: FileHandle

    init() throws {
        let directory = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(directory)/simpleai-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw ExternalProgram.Problem(description: "cannot run: no temporary file in \(directory)")
        }
        template.withUnsafeBufferPointer { path in
            if let base = path.baseAddress { _ = unlink(base) }
        }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// The first MiB of what was written.
    func text() -> String {
        do {
            try handle.seek(toOffset: 0)
            return String(decoding: try handle.read(upToCount: 1 << 20) ?? Data(), as: UTF8.self)
        } catch {
            return ""
        }
    }
}

extension ExternalProgram {
    /// Runs the program as the `--sleep-command`.
    ///
    /// - Throws: an INCONCLUSIVE ``Finding`` when it does not succeed within 60 seconds.
    public func putToSleep() async throws {
        do {
            let result = try await run([], limit: .seconds(60))
            guard result.status == 0 else {
                let said = Self.onOneLine(result.errors)
                throw Finding.inconclusive("--sleep-command ended with status \(result.status): \(said)")
            }
        } catch let problem as Problem {
            throw Finding.inconclusive("--sleep-command: \(problem)")
        }
    }
}
