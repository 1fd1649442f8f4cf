import Logging
import Settings
import SimpleAICore

@testable import LocalFleet

/// A live gateway, and one virtual machine whose agent has joined it.
struct JoinedMachine: Sendable {
    static let token = "fleet-token"
    static let id: RunnerID = "gpu-1"

    let gateway: RunningGateway
    let machine: VirtualMachine

    /// Runs both, waits until the gateway sends the machine calls, and runs `body`.
    ///
    /// - Parameters:
    ///   - models: the models of its engine, which loads like Ollama and responds at once.
    ///   - loading: the models in memory; nil: all of them, always.
    static func with<Result: Sendable>(
        models: [ModelID], loading: ModelLoading?,
        machine changeMachine: @escaping @Sendable (inout MachineOptions) -> Void = { _ in },
        settings change: @escaping @Sendable (inout Settings) -> Void = { _ in },
        _ body: @escaping @Sendable (JoinedMachine) async throws -> Result
    ) async throws -> Result {
        guard let mac = MACAddress("02:53:41:49:00:01") else { preconditionFailure("a written address") }
        var engine = EngineOptions(models: models)
        engine.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0)
        engine.loading = loading
        engine.slots = 32
        var options = MachineOptions(id: id, mac: mac, engine: engine)
        options.bootDelay = .milliseconds(20)
        options.heartbeat = .milliseconds(100)
        changeMachine(&options)
        return try await running(VirtualMachine(options, logger: .silent)) { machine in
            let ports = try await machine.ports()
            return try await RunningGateway.with([], awaitRunners: false) { settings in
                settings.fleet.token = token
                settings.fleet.gracePeriod = .milliseconds(50)
                settings.classes = [Settings.ModelClass(name: "fast", models: models)]
                settings.wake.broadcast = "127.0.0.1"
                settings.wake.port = ports.powerSwitch
                settings.wake.timeout = .seconds(30)
                change(&settings)
            } _: { gateway in
                machine.join(GatewayToJoin(url: "ws://127.0.0.1:\(gateway.port)/ws/runners", token: token))
                try await gateway.await(.ready, 1)
                return try await body(JoinedMachine(gateway: gateway, machine: machine))
            }
        }
    }

    var memory: ModelMemory { machine.engine.memory }
}

extension RunningGateway {
    /// Returns when `count` runners are in this state.
    func await(_ state: RunnerState, _ count: Int) async throws {
        _ = try await metrics { $0["simpleai_runners{state=\"\(state.rawValue)\"}"] == Double(count) }
    }

    /// Sends `count` chats at the same time, each on a connection of its own.
    func chats(_ count: Int, _ body: String) async throws -> [Response] {
        try await withThrowingTaskGroup(of: Response.self) { group in
            for _ in 0..<count { group.addTask { try await send(body) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}
