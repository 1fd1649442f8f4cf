import ArgumentParser
import Foundation
import Settings
import SimpleAICore

/// `simpleai config …`: looks at settings without serving anything.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Look at the settings file.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the settings and say what `serve` would do with them.",
            discussion: "Every problem is listed with its file and line. Exits with 1 if there is one.")

        @Option(
            name: .shortAndLong,
            help: "The settings file (default: \(SettingsFile.defaultPaths.joined(separator: ", then ")))")
        var config: String?

        func run() async throws {
            do throws(SettingsError) {
                let loaded = try SettingsFile.load(path: config, environment: ProcessInfo.processInfo.environment)
                print("\(loaded.path): ok")
                for line in SettingsSummary(loaded.settings).lines { print("  \(line)") }
                for warning in loaded.warnings { print("warning: \(warning)") }
            } catch {
                FileHandle.standardError.write(Data("\(error)\n".utf8))
                throw ExitCode.failure
            }
        }
    }
}

/// What the settings come to, in a few lines for people.
struct SettingsSummary {
    private let settings: Settings

    init(_ settings: Settings) {
        self.settings = settings
    }

    var lines: [String] {
        [listening, authentication] + classes + runners
    }

    private var listening: String {
        let host = settings.server.host.contains(":") ? "[\(settings.server.host)]" : settings.server.host
        let port = settings.server.port == 0 ? ", on any free port" : ":\(settings.server.port)"
        return "listens on  http://\(host)\(port)"
    }

    private var authentication: String {
        switch settings.auth.mode {
        case .none: "callers     everybody on this machine, without a token"
        case .oidc: "callers     with a token of \(settings.auth.issuers.map(describe).joined(separator: " or "))"
        }
    }

    private func describe(_ issuer: Settings.Issuer) -> String {
        switch issuer.audience {
        case .any: "\(issuer.issuer) for any audience"
        case .oneOf(let audiences): "\(issuer.issuer) for \(audiences.joined(separator: " or "))"
        }
    }

    private var classes: [String] {
        settings.classes.map { modelClass in
            let models = modelClass.models.map(\.rawValue).joined(separator: ", ")
            let isDefault = modelClass.name == settings.defaultClass ? " (default)" : ""
            return "class       \(modelClass.name)\(isDefault): \(models)"
        }
    }

    private var runners: [String] {
        settings.runners.map { runner in
            let listed = runner.models.map(\.rawValue).joined(separator: ", ")
            let models = listed.isEmpty ? "the models that the engine lists" : listed
            let slots = runner.slots == 1 ? "1 slot" : "\(runner.slots) slots"
            let wake = runner.wake.map { ", woken at \($0.mac) via \($0.broadcast)" } ?? ""
            return "runner      \(runner.id) at \(runner.url): \(models), \(slots)\(wake)"
        }
    }
}
