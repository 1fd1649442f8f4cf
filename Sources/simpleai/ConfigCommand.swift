public import ArgumentParser
import Foundation
import Gateway
import OperatingSystem
public import Settings
import SimpleAICore

/// `simpleai config …`: checks and shows settings without serving.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Work with the settings file.",
        discussion: "Example: simpleai config check", subcommands: [Check.self, Schema.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the settings and print what `serve` or `runner` would do with them.",
            discussion: """
                Lists every problem with its file and line; exits with 1 if there is one. A file with the keys \
                gateway and engines is checked as the settings of a runner agent. For files in /etc/simpleai, the variables \
                in simpleai.env or runner.env apply, as they do for the service.

                Example: simpleai config check --config /etc/simpleai/simpleai.yaml
                """)

        @Option(
            name: .shortAndLong,
            help: "The settings file (default: \(SettingsFile.defaultPaths.joined(separator: ", then ")))",
            completion: .file())
        var config: String?

        func run() async throws {
            var environment = InstalledEnvironment(settings: config, of: .gateway)
            do throws(SettingsError) {
                // Read once, because it may be a pipe.
                let text = if let config { try SettingsFile.text(of: config) } else { nil as String? }
                if let config, let text,
                    RunnerSettingsFile.isRunnerFile(text, name: config, environment: environment.variables)
                {
                    environment = InstalledEnvironment(settings: config, of: .runner)
                    let loaded = try RunnerSettingsFile.parse(text, name: config, environment: environment.variables)
                    report(loaded.path, RunnerSettingsSummary(loaded.settings).lines, loaded.warnings)
                } else {
                    let loaded =
                        if let config, let text {
                            try SettingsFile.parse(text, name: config, environment: environment.variables)
                        } else {
                            try SettingsFile.load(environment: environment.variables)
                        }
                    try check(loaded)
                    let warnings = loaded.warnings(
                        and: GatewayApplication.warnings(loaded.settings).map(loaded.problem))
                    report(loaded.path, SettingsSummary(loaded.settings).lines, warnings)
                }
            } catch {
                StandardStream.error.write("\(environment.text(of: error))\n")
                throw ExitCode.failure
            }
        }

        /// Checks that only the gateway, which uses the values, can make.
        private func check(_ loaded: LoadedSettings) throws(SettingsError) {
            do throws(GatewayStartError) {
                try GatewayApplication.check(loaded.settings)
            } catch {
                throw SettingsError(problems: [loaded.problem(error)])
            }
        }

        private func report(_ path: String, _ lines: [String], _ warnings: [SettingsProblem]) {
            print("\(path): ok")
            for line in lines { print("  \(line)") }
            for warning in warnings { print("warning: \(warning)") }
        }
    }
}

extension ConfigCommand {
    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a JSON Schema of a settings file, for editors.",
            discussion: """
                Editors complete and check keys with it. In a YAML file, the first line names the schema:

                # yaml-language-server: $schema=./simpleai.schema.json

                Example: simpleai config schema > simpleai.schema.json
                """)

        @Option(name: .customLong("for"), help: "The settings file: gateway, runner or tokens.")
        var format = SettingsFormat.gateway

        func run() {
            print(format.schema, terminator: "")
        }
    }
}

extension SettingsFormat: ExpressibleByArgument {}

/// A summary of the settings in a few lines.
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
        return "listens on  \(settings.server.tls == nil ? "http" : "https")://\(host)\(port)"
    }

    private var authentication: String {
        switch settings.auth.mode {
        case .none: "callers     every process on this machine, without a token"
        case .oidc:
            "callers     holders of a token from \(settings.auth.issuers.map(describe).joined(separator: " or "))"
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

    /// The wake methods of a machine; of programs and web hooks only the executable and the host, which are not secret.
    private func wakeMethods(_ wake: Settings.WakeTarget) -> String {
        let addresses = wake.macs.map(\.description).joined(separator: " and ")
        let mac = addresses.isEmpty ? nil : "at \(addresses) via \(wake.broadcast)"
        let relay = wake.relay.map { "via relay \($0.host):\($0.port)" }
        let command = wake.command.first.map { "with \($0)" }
        let hook = wake.http.map { "via \($0.host)" }
        return ", woken " + [mac, relay, command, hook].compactMap { $0 }.joined(separator: ", ")
    }

    private var runners: [String] {
        settings.runners.map { runner in
            let listed = runner.models.map(\.rawValue).joined(separator: ", ")
            let models = listed.isEmpty ? "models discovered from the engine" : listed
            let slots = runner.slots == 1 ? "1 slot" : "\(runner.slots) slots"
            return "runner      \(runner.id) at \(runner.url): \(models), \(slots)\(runner.wake.map(wakeMethods) ?? "")"
        }
    }
}

/// A summary of a runner's settings in a few lines.
struct RunnerSettingsSummary {
    private let settings: RunnerSettings

    init(_ settings: RunnerSettings) {
        self.settings = settings
    }

    var lines: [String] {
        ["joins       \(settings.gateway) as \(settings.id)", listening] + settings.engines.map(engine) + aliases
    }

    private var listening: String {
        let host = settings.listen.host.contains(":") ? "[\(settings.listen.host)]" : settings.listen.host
        let port = settings.listen.port == 0 ? ", on any free port" : ":\(settings.listen.port)"
        return "listens on  http://\(host)\(port)"
    }

    private func engine(_ engine: RunnerSettings.Engine) -> String {
        let slots = engine.slots.map { $0 == 1 ? ", 1 slot" : ", \($0) slots" } ?? ""
        let start = engine.command.first.map { ", started by \($0)" } ?? ""
        return "engine      \(engine.kind.rawValue) at \(engine.url)\(slots)\(start)"
    }

    private var aliases: [String] {
        settings.aliases.sorted { $0.key < $1.key }.map { "alias       \($0.key) for \($0.value)" }
    }
}
