import SimpleAICore
import Foundation
import Gateway
import Logging
import ServiceLifecycle
import Settings
import UnixSignals

/// Rereads the settings on SIGHUP, and applies them completely or not at all.
struct SettingsReload: Service {
    let gateway: GatewayApplication
    /// The file that was read at the start.
    let path: String
    let hangups: UnixSignalsSequence
    let logger: Logger

    func run() async throws {
        for await _ in hangups.cancelOnGracefulShutdown() { reload() }
    }

    private func reload() {
        do throws(SettingsError) {
            let loaded = try SettingsFile.load(path: path, environment: ProcessInfo.processInfo.environment)
            try apply(loaded)
            for warning in loaded.warnings { log(.warning, "Suspicious setting", warning) }
        } catch {
            for problem in error.problems { log(.error, "Invalid setting", problem) }
            logger.error("Settings reload failed", metadata: ["path": "\(path)"])
        }
    }

    private func apply(_ loaded: LoadedSettings) throws(SettingsError) {
        do throws(GatewayStartError) {
            try gateway.reload(loaded.settings)
        } catch {
            throw SettingsError(problems: [loaded.problem(error)])
        }
    }

    private func log(_ level: Logger.Level, _ message: Logger.Message, _ problem: SettingsProblem) {
        logger.log(level: level, message, metadata: problem.metadata)
    }
}
