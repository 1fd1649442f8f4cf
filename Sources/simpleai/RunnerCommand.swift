import ArgumentParser
import Foundation
import Logging
import OperatingSystem
import RunnerAgent
import ServiceLifecycle
import Settings
import SimpleAICore
import Synchronization
import UnixSignals

/// `simpleai runner`: runs the agent that registers this machine with a gateway, until the process is stopped.
struct RunnerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runner",
        abstract: "Run the agent that connects this machine to a gateway.",
        discussion: """
            Reads runner.yaml (see runner.example.yaml for every key), starts its engines, registers with the gateway \
            and serves its calls until SIGTERM or SIGINT. SIGHUP reloads the file; if it contains changes, the agent \
            drains its calls and registers again. `simpleai config check --config runner.yaml` checks the file \
            without connecting.

            Example: simpleai runner --config /etc/simpleai/runner.yaml
            """)

    @Option(help: "The settings file; default ./runner.yaml, then /etc/simpleai/runner.yaml.", completion: .file())
    var config: String?

    @Flag(help: "Print one line of JSON on standard output once the agent has registered.")
    var json = false

    @Option(help: ArgumentHelp("Print that line on this file descriptor instead.", valueName: "n"))
    var readyFd: Int32?

    func run() async throws {
        let loaded: LoadedRunnerSettings
        do throws(SettingsError) {
            loaded = try RunnerSettingsFile.load(path: config, environment: ProcessInfo.processInfo.environment)
        } catch {
            for problem in error.problems { StandardError.write("\(problem)") }
            throw ExitCode(1)
        }
        for warning in loaded.warnings { StandardError.write("warning: \(warning)") }

        let isAnnounced = Atomic(false)
        do {
            let hangups = await UnixSignalsSequence(trapping: .sighup)
            let agent = ReloadedAgent(loaded: loaded, hangups: hangups) { settings, port, logger in
                guard !isAnnounced.exchange(true, ordering: .relaxed) else { return }
                announce(settings, port: port, logger)
            }
            try await ServiceGroup(
                services: [agent], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger.silent
            ).run()
        } catch let error as RunnerAgentStartError {
            StandardError.write("simpleai: \(error)")
            throw ExitCode(1)
        }
    }

    private func announce(_ settings: RunnerSettings, port: Int, _ logger: Logger) {
        let line =
            "{\"runner\":\(JSONString.encode(settings.id.rawValue)),\"gateway\":\(JSONString.encode(settings.gateway)),"
            + "\"port\":\(port),\"pid\":\(ProcessInfo.processInfo.processIdentifier)}"
        ReadyLine(json: json, descriptor: readyFd).write(line, logger)
        ProgramPages.release()
    }
}
