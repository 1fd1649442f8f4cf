import Foundation
import Logging
import RunnerAgent
import ServiceLifecycle
import Settings
import Synchronization
import UnixSignals

/// The runner agent, replaced by a new one whenever SIGHUP loads changed settings. Invalid settings change nothing. The old
/// agent shuts down gracefully: calls in progress get `drain` to complete, and engines that it has started are stopped.
struct ReloadedAgent: Service {
    let loaded: LoadedRunnerSettings
    let hangups: UnixSignalsSequence
    let onJoined: @Sendable (_ settings: RunnerSettings, _ port: Int, Logger) -> Void

    private final class Shared: Sendable {
        let state: Mutex<State>

        init(_ loaded: LoadedRunnerSettings) { state = Mutex(State(current: loaded, next: loaded)) }
    }

    private struct State {
        var current: LoadedRunnerSettings
        /// The settings of the next agent; nil if none follows.
        var next: LoadedRunnerSettings?
        var group: ServiceGroup?
    }

    /// - Throws: `RunnerAgentStartError`.
    func run() async throws {
        let shared = Shared(loaded)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask {
                try await Self.runAgents(shared, onJoined)
                return true
            }
            // One reader for all agents: a sequence of signals ends with its first reader.
            tasks.addTask {
                for await _ in hangups.cancelOnGracefulShutdown() { await reload(shared) }
                return false
            }
            while let hasEnded = try await tasks.next(), !hasEnded {}
        }
    }

    private static func runAgents(
        _ shared: Shared, _ onJoined: @escaping @Sendable (RunnerSettings, Int, Logger) -> Void
    ) async throws {
        while !Task.isShuttingDownGracefully {
            let wanted = shared.state.withLock { state in
                defer { state.next = nil }
                if let next = state.next { state.current = next }
                return state.next
            }
            guard let settings = wanted?.settings else { return }
            let logger = Logger(settings.log)
            let agent = try RunnerAgent(settings: settings, logger: logger) { onJoined(settings, $0, logger) }
            let group = ServiceGroup(services: [agent], logger: Logger.silent)
            shared.state.withLock { $0.group = group }
            try await group.run()
            shared.state.withLock { $0.group = nil }
        }
    }

    private func reload(_ shared: Shared) async {
        let current = shared.state.withLock { $0.next ?? $0.current }
        let logger = Logger(current.settings.log)
        do throws(SettingsError) {
            let loaded = try RunnerSettingsFile.load(
                path: current.path, environment: ProcessInfo.processInfo.environment)
            for warning in loaded.warnings {
                logger.warning("Suspicious setting", metadata: warning.metadata)
            }
            guard loaded.settings != current.settings else {
                return logger.info("Settings unchanged", metadata: ["path": "\(current.path)"])
            }
            logger.info("Settings reloaded", metadata: ["path": "\(current.path)"])
            let group = shared.state.withLock { state in
                state.next = loaded
                return state.group
            }
            await group?.triggerGracefulShutdown()
        } catch {
            for problem in error.problems {
                logger.error("Invalid setting", metadata: problem.metadata)
            }
            logger.error("Settings reload failed", metadata: ["path": "\(current.path)"])
        }
    }
}
