import Foundation
import SimpleAICore
import Synchronization

/// Runs a program that wakes a machine. Its environment holds `PATH` and `HOME`, not the gateway's secrets; what it
/// prints is thrown away, but for the beginning of its standard error where it fails.
struct WakeCommand: Sendable {
    let searchPath: String
    var limit: Duration = .seconds(30)

    /// In bytes, of what a failed program says.
    private static let longestComplaint = 400
    /// One start at a time: a child must not inherit the pipe of another, and would hold it open.
    private static let starting = Mutex(())

    func run(_ request: WakeCommandRequest) async throws(WakeSendError) {
        func failed(_ reason: String) -> WakeSendError { .programFailed(program: request.program, reason: reason) }
        guard let path = path(of: request.program) else { throw failed("is not there, or may not be executed") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = request.arguments
        process.environment = ["PATH": searchPath].merging(
            ProcessInfo.processInfo.environment["HOME"].map { ["HOME": $0] } ?? [:]
        ) { first, _ in first }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let complaint = Complaint(limit: Self.longestComplaint)
        process.standardError = complaint.pipe
        let (ends, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { ended in
            continuation.yield(ended.terminationReason == .exit ? ended.terminationStatus : -1)
            continuation.finish()
        }
        do {
            try Self.starting.withLock { _ in try process.run() }
        } catch {
            throw failed("cannot be started")
        }
        let pid = process.processIdentifier
        let limit = limit
        let status = await withTaskGroup(of: Int32?.self) { group in
            group.addTask { await ends.first { _ in true } }
            group.addTask {
                // Cancelled when the program has ended.
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            if first == nil { Self.kill(pid) }
            group.cancelAll()
            return first
        }
        complaint.end()
        switch status {
        case 0?: return
        case nil: throw failed("did not end within \(limit) and was stopped")
        case let status?: throw failed("ended with \(status)\(complaint.text)")
        }
    }

    private func path(of program: String) -> String? {
        let candidates =
            program.contains("/") ? [program] : searchPath.split(separator: ":").map { "\($0)/\(program)" }
        var isDirectory: ObjCBool = false
        return candidates.first { candidate in
            FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory) && !isDirectory.boolValue
                && FileManager.default.isExecutableFile(atPath: candidate)
        }
    }

    /// The program and whatever it started in its process group.
    private static func kill(_ pid: Int32) {
        if getpgid(pid) == pid { _ = Foundation.kill(-pid, SIGKILL) }
        _ = Foundation.kill(pid, SIGKILL)
    }
}

/// The beginning of what a program says; the rest is read and dropped, so that it never waits for a reader.
private final class Complaint: Sendable {
    let pipe = Pipe()
    private let said = Mutex(Data())

    init(limit: Int) {
        pipe.fileHandleForReading.readabilityHandler = { [self] handle in
            let bytes = handle.availableData
            if bytes.isEmpty { return handle.readabilityHandler = nil }
            said.withLock { $0.append(bytes.prefix(max(0, limit - $0.count))) }
        }
    }

    /// Not before the program has ended; a child of it that lives on is not waited for.
    func end() { pipe.fileHandleForReading.readabilityHandler = nil }

    /// Fit for a sentence.
    var text: String {
        let text = said.withLock { String(decoding: $0, as: UTF8.self) }
        let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        return words.isEmpty ? "" : ": \(words)"
    }
}
