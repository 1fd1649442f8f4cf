import Logging
import ServiceLifecycle
import Settings
import SimpleAICore
import TestSupport

@testable import LocalFleet
@testable import RunnerAgent

/// A runner agent that has joined a live gateway.
struct JoinedAgent: Sendable {
    static let token = "fleet-token"

    /// The port on which the agent accepts the gateway's calls.
    let port: Int
    private let group: ServiceGroup

    /// Runs an agent in front of an engine, waits until the gateway sends it calls, runs `body`, and shuts it down.
    static func with<Result: Sendable>(
        _ id: RunnerID = "a1", of gateway: RunningGateway, engine: ScriptedEngine,
        _ change: @escaping @Sendable (inout RunnerSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (JoinedAgent) async throws -> Result
    ) async throws -> Result {
        let joined = Watched<Int?>(nil)
        let agent = try RunnerAgent(
            settings: settings(id, gateway, engine, change), logger: .silent
        ) { port in joined.update { $0 = port } }
        let group = ServiceGroup(services: [agent], logger: .silent)
        return try await withThrowingTaskGroup(of: Result?.self) { tasks in
            tasks.addTask {
                defer { joined.fail(CancellationError()) }
                try await group.run()
                return nil
            }
            tasks.addTask {
                let port = try await joined.value { $0 != nil } ?? 0
                _ = try await gateway.metrics { ($0["simpleai_runners{state=\"ready\"}"] ?? 0) > 0 }
                let result = await Swift.Result { try await body(JoinedAgent(port: port, group: group)) }
                await group.triggerGracefulShutdown()
                return try result.get()
            }
            var result: Result?
            while let next = try await tasks.next() { result = next ?? result }
            guard let result else { throw CancellationError() }
            return result
        }
    }

    /// Like `with`, but finally cancels the agent instead of shutting it down: it sends no message to the gateway.
    static func untilPowerFails<Result: Sendable>(
        _ id: RunnerID = "a1", of gateway: RunningGateway, engine: ScriptedEngine,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let agent = try RunnerAgent(settings: settings(id, gateway, engine), logger: .silent)
        return try await withThrowingTaskGroup(of: Result?.self) { tasks in
            tasks.addTask {
                try await agent.run()
                return nil
            }
            tasks.addTask {
                _ = try await gateway.metrics { ($0["simpleai_runners{state=\"ready\"}"] ?? 0) > 0 }
                return try await body()
            }
            while let next = try await tasks.next() {
                guard let result = next else { continue }
                tasks.cancelAll()
                // The agent has ended before the test examines its calls.
                while try await tasks.next() != nil {}
                return result
            }
            throw CancellationError()
        }
    }

    static func settings(
        _ id: RunnerID, _ gateway: RunningGateway, _ engine: ScriptedEngine,
        _ change: (inout RunnerSettings) -> Void = { _ in }
    ) -> RunnerSettings {
        var settings = RunnerSettings()
        settings.gateway = "ws://127.0.0.1:\(gateway.port)/ws/runners"
        settings.token = token
        settings.id = id
        settings.name = id.rawValue
        settings.listen.host = "127.0.0.1"
        settings.listen.port = 0
        settings.drain = .seconds(20)
        var engine = RunnerSettings.Engine(kind: .openAI, url: "http://127.0.0.1:\(engine.port)")
        engine.slots = 8
        settings.engines = [engine]
        change(&settings)
        return settings
    }

    /// Does what SIGTERM does.
    func shutDown() async { await group.triggerGracefulShutdown() }
}

/// Runs a gateway that accepts agents, and an engine for one of them.
func withAgentsWelcome<Result: Sendable>(
    _ script: @escaping ScriptedEngine.Script,
    settings change: @escaping @Sendable (inout Settings) -> Void = { _ in },
    _ body: @escaping @Sendable (RunningGateway, ScriptedEngine) async throws -> Result
) async throws -> Result {
    let engine = try await ScriptedEngine(script)
    return try await running([engine]) {
        try await RunningGateway.with([], awaitRunners: false) { settings in
            settings.fleet.token = JoinedAgent.token
            settings.fleet.gracePeriod = .milliseconds(50)
            change(&settings)
        } _: {
            try await body($0, engine)
        }
    }
}

extension Logger {
    /// A logger that passes every message to a closure.
    static func telling(_ hear: @escaping @Sendable (String) -> Void) -> Logger {
        .observed { hear($0.message) }
    }
}
