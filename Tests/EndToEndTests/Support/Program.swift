import Foundation

/// A program to start: an executable, its arguments and its environment.
struct Program: Sendable {
    var executable: URL
    var arguments: [String]
    var environment: [String: String]
    var directory: URL

    /// Variables of the developer's environment must not affect the tests.
    private static let surroundings = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SIMPLEAI") }

    init(_ executable: URL, _ arguments: [String], environment: [String: String] = [:], directory: URL? = nil) {
        self.executable = executable
        self.arguments = arguments
        self.environment = Self.surroundings.merging(environment) { _, given in given }
        // A neutral folder: it contains neither a simpleai.yaml nor an .env file.
        self.directory = directory ?? URL(fileURLWithPath: "/", isDirectory: true)
    }

    /// The binary that was built beside these tests.
    static func simpleai(_ arguments: String..., directory: URL? = nil) -> Program {
        Program(Repository.binary, arguments, directory: directory)
    }

    /// A script of the repository, run with the binary under test.
    static func script(_ path: String, _ arguments: [String], environment: [String: String] = [:]) -> Program {
        Program(
            Repository.file(path), arguments,
            environment: ["SIMPLEAI_BIN": Repository.binary.path].merging(environment) { _, given in given })
    }

    /// Runs it to its end.
    func run(within limit: Duration = .seconds(120)) async throws -> RunningProcess.Ended {
        try await RunningProcess.run(self) { try await $0.ended(within: limit) }
    }
}

/// Paths in the repository.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The folder of the products of this build, in which the test runner is, too.
    static let products: URL = {
        let runner = URL(fileURLWithPath: CommandLine.arguments.first ?? "").resolvingSymlinksInPath()
        let folder = runner.deletingLastPathComponent()
        let exists = FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent("simpleai").path)
        return exists ? folder : root.appendingPathComponent(".build/debug")
    }()

    /// The binary under test: `SIMPLEAI_BINARY`, for tests of a release build, or the one of this build.
    static let binary: URL = {
        if let path = ProcessInfo.processInfo.environment["SIMPLEAI_BINARY"] {
            return URL(fileURLWithPath: path, relativeTo: root).absoluteURL
        }
        return products.appendingPathComponent("simpleai")
    }()

    static func file(_ path: String) -> URL { root.appendingPathComponent(path) }

    static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: file(path).path) }
}

/// Runs `body` with a folder that is removed when it returns.
func withTemporaryFolder<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("simpleai-tests-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let result: Result<Value, any Error>
    do { result = .success(try await body(folder)) } catch { result = .failure(error) }
    try FileManager.default.removeItem(at: folder)
    return try result.get()
}
