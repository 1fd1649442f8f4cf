import ArgumentParser
import Foundation
import Gateway
import Logging
import OperatingSystem
import ServiceLifecycle
import Settings
import SimpleAICore
import UnixSignals

/// `simpleai serve`: runs the gateway until the process is stopped.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the gateway.",
        discussion: """
            Reads simpleai.yaml (see simpleai.example.yaml for every key), listens, and serves until SIGTERM or SIGINT. \
            SIGHUP reloads the file and the certificate. `simpleai config check` checks the file without \
            serving.

            Example: simpleai serve --config /etc/simpleai/simpleai.yaml
            """)

    @Option(help: "The settings file; default ./simpleai.yaml, then /etc/simpleai/simpleai.yaml.", completion: .file())
    var config: String?

    @Flag(help: "Print one line of JSON on standard output once the gateway accepts calls.")
    var json = false

    @Option(help: ArgumentHelp("Print that line on this file descriptor instead.", valueName: "n"))
    var readyFd: Int32?

    func run() async throws {
        let loaded: LoadedSettings
        do throws(SettingsError) {
            loaded = try SettingsFile.load(path: config, environment: ProcessInfo.processInfo.environment)
        } catch {
            for problem in error.problems { StandardError.write("\(problem)") }
            throw ExitCode(1)
        }
        let warnings = loaded.warnings(and: GatewayApplication.warnings(loaded.settings).map(loaded.problem))
        for warning in warnings { StandardError.write("warning: \(warning)") }

        let logger = Logger(loaded.settings.log)
        do {
            let settings = loaded.settings
            let locks = try StateFolders.lock(for: settings)
            defer { withExtendedLifetime(locks) {} }
            let gateway = try GatewayApplication(
                settings: settings, version: SimpleAI.version, logger: logger,
                accessLog: AccessLogOutput(settings.log)
            ) { port in
                announce(settings, port: port, logger)
            }
            let hangups = await UnixSignalsSequence(trapping: .sighup)
            try await ServiceGroup(
                services: [
                    gateway, SettingsReload(gateway: gateway, path: loaded.path, hangups: hangups, logger: logger),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger.silent
            ).run()
        } catch let error as CommandFailure {
            StandardError.write("simpleai: \(error)")
            throw ExitCode(1)
        } catch let error as GatewayStartError {
            StandardError.write(error.keys.isEmpty ? "simpleai: \(error)" : "\(loaded.problem(error))")
            throw ExitCode(1)
        }
    }

    /// Reports that calls are accepted: in the log, and to scripts as one line of JSON.
    private func announce(_ settings: Settings, port: Int, _ logger: Logger) {
        let host = settings.server.host.contains(":") ? "[\(settings.server.host)]" : settings.server.host
        let url = "\(settings.server.tls == nil ? "http" : "https")://\(host):\(port)"
        logger.info("Gateway listening", metadata: ["url": "\(url)"])
        let line = "{\"url\":\"\(url)\",\"pid\":\(ProcessInfo.processInfo.processIdentifier)}"
        ReadyLine(json: json, descriptor: readyFd).write(line, logger)
        ProgramPages.release()
    }
}

extension LoadedSettings {
    /// A problem that the gateway found in a value, with the position of the value.
    func problem(_ error: GatewayStartError) -> SettingsProblem { problem(error.message, at: error.keys) }
}

/// Messages for the operator at the terminal.
enum StandardError {
    static func write(_ line: String) {
        LogWriter.standardError.write(line)
    }
}

extension Logger {
    /// A logger that discards all messages, for libraries whose messages would repeat ours.
    static var silent: Logger { Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() } }
}
