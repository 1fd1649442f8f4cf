import Foundation
import Testing

/// The tools that may be missing on a machine; `scripts/setup --tests` installs them.
enum Python {
    static let missing: Comment = "python3 is not on the PATH"
    static let isThere = path("python3") != nil

    /// Virtual environments with real clients, by their names in clients/environments.txt.
    static let clientEnvironments = ["openai-current", "openai-1"]
    static let builtOnThem = ["langchain", "instructor", "pydantic-ai", "llm"]
    static let clientsMissing: Comment =
        "the real engine or the real clients are not set up: run `scripts/setup --tests`"
    static let clientsAreThere =
        Repository.has(".venv-real/complete")
        && (clientEnvironments + builtOnThem).allSatisfy { Repository.has(".venv-clients/\($0)/complete") }

    /// A real OpenID Connect provider.
    static let providerMissing: Comment = "the OpenID Connect provider is not set up: run `scripts/setup --tests`"
    static let providerIsThere = Repository.has(".venv-clients/provider/complete")

    static func has(_ environment: String) -> Bool { Repository.has(".venv-clients/\(environment)/complete") }

    static func interpreter(of environment: String) -> URL {
        Repository.file(".venv-clients/\(environment)/bin/python")
    }

    static func path(_ command: String) -> URL? {
        // Administrators' tools are in folders that not every PATH contains.
        ((ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin").split(separator: ":")
            .map { URL(fileURLWithPath: String($0)).appendingPathComponent(command) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}
