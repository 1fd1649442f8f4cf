import Foundation

/// An executable and its arguments, run as a child of ours. No shell is involved.
struct Program: Sendable {
    struct Ending: Hashable, Sendable {
        /// The exit code; for a program that a signal ended, its number, negative.
        var code: Int32
        /// The end of what it wrote, standard output and standard error together.
        var lastWords: String
    }

    struct StartFailure: Error, CustomStringConvertible {
        let description: String
    }

    private let executable: String
    private let arguments: [String]

    /// - Parameter command: the executable, a path or a name to be found in PATH, and its arguments.
    /// - Throws: when there is no such executable.
    init(_ command: [String]) throws(StartFailure) {
        guard let name = command.first, let path = Self.path(of: name) else {
            throw StartFailure(description: "there is no executable \(command.first ?? "")")
        }
        executable = path
        arguments = Array(command.dropFirst())
    }

    /// Where the shell would find it; nil if nowhere.
    static func path(of name: String) -> String? {
        if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.lazy.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Starts the program and returns when it has ended. Cancelled, it tells the program to end, and kills it when it
    /// does not.
    ///
    /// Its standard input stays open, and silent, as long as we live: a program that cares notices our end, however it
    /// came.
    /// - Parameter keeping: how much of what it writes is kept, from the end, in bytes.
    func run(
        keeping limit: Int = 2_048, onStart: @escaping @Sendable (_ pid: Int32) -> Void = { _ in }
    ) async throws(StartFailure) -> Ending {
        let child = ProgramRun(executable: executable, arguments: arguments, keeping: limit)
        let result: Result<Ending, StartFailure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                child.start(onStart: onStart) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            child.stop()
        }
        return try result.get()
    }

    /// The whole output of a program that is soon done; nil when it fails or takes too long.
    func output(within limit: Duration) async -> String? {
        await withTaskGroup(of: Ending?.self) { group in
            group.addTask { try? await run(keeping: 64 << 10) }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let ending = await group.next() ?? nil, ending.code == 0 else { return nil }
            return ending.lastWords
        }
    }
}
