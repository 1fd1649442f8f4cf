import Foundation
import Installation
import OperatingSystem
import Settings

/// The environment in which settings are read: that of this process, and for the settings of an installed service also the
/// file that its unit reads, `simpleai.env` or `runner.env` beside the settings. Variables of this process take precedence.
struct InstalledEnvironment {
    /// A program whose unit has a file of variables.
    enum Service: String {
        case gateway = "simpleai.env"
        case runner = "runner.env"
    }

    private static let folder = "/etc/simpleai"
    /// Larger files contain no variables.
    private static let maxSize = 1 << 20

    let variables: [String: String]
    /// The file that cannot be read, with the reason; nil if it was read, or does not exist.
    private let problem: String?

    /// - Parameter path: the settings file; nil: the first existing one in the usual places.
    init(
        settings path: String?, of service: Service, process: [String: String] = ProcessInfo.processInfo.environment
    ) {
        let defaults =
            switch service {
            case .gateway: SettingsFile.defaultPaths
            case .runner: RunnerSettingsFile.defaultPaths
            }
        guard let path = path ?? defaults.first(where: FileManager.default.fileExists), Self.isInstalled(path) else {
            (variables, problem) = (process, nil)
            return
        }
        let file = "\(Self.folder)/\(service.rawValue)"
        do throws(StoredFile.Failure) {
            let bytes = try StoredFile(path: file).read(atMost: Self.maxSize) ?? []
            var merged: [String: String] = [:]
            for variable in EnvironmentFile(String(decoding: bytes, as: UTF8.self)).variables {
                merged[variable.name] = variable.value
            }
            (variables, problem) = (merged.merging(process) { _, own in own }, nil)
        } catch {
            (variables, problem) = (process, "\(file) cannot be read: \(error)")
        }
    }

    /// The problems of settings that were read in this environment, and why variables may be missing.
    func text(of error: SettingsError) -> String {
        let lines = error.problems.map(\.description) + (problem.map { ["\($0); it may set variables"] } ?? [])
        return lines.joined(separator: "\n")
    }

    /// Whether the file is in the folder of an installation, however its path is written.
    static func isInstalled(_ path: String) -> Bool {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard let found = realpath(folder, nil) else { return false }
        defer { free(found) }
        guard let installed = realpath(Self.folder, nil) else { return false }
        defer { free(installed) }
        return strcmp(found, installed) == 0
    }
}
