import ArgumentParser
import Foundation
import Logging
import RunnerAgent
import ServiceLifecycle
import Settings
import SimpleAICore
import Synchronization
import UnixSignals

/// `simpleai runner`: this machine joins a gateway's fleet until the process is stopped.
struct RunnerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runner",
        abstract: "Let this machine join a gateway's fleet.",
        discussion: """
            Reads runner.yaml (see runner.example.yaml for every key), starts and watches what it says, joins the gateway, \
            and serves its calls until SIGTERM or SIGINT. SIGHUP makes it read the file again and, if it says anything else, \
            leave the gateway when its calls have ended and join again. `simpleai config check --config runner.yaml` checks the file \
            without joining.
            """)

    @Option(help: "The settings file; default ./runner.yaml, then /etc/simpleai/runner.yaml.")
    var config: String?

    @Flag(help: "Print one line of JSON on standard output when the gateway has taken this machine in.")
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
    }
}
