import NIOCore
import NIOPosix
import RunnerProtocol
import SimpleAICore
import Testing
import WebSocketTransport

@testable import LocalFleet

/// A runner agent over a real socket that sends what a test gives it.
final class ScriptedAgent: Sendable {
    static let token = "runner-secret"

    let connection: WebSocketConnection
    /// Messages of the gateway that the test has not taken yet.
    private let heard = Watched<[GatewayMessage]>([])
    private let texts = Watched<[String]>([])
    private let reader: Task<Void, Never>

    private init(_ connection: WebSocketConnection) {
        self.connection = connection
        let (heard, texts) = (heard, texts)
        reader = Task {
            for await message in connection.messages {
                guard case .text(let text) = message else { continue }
                texts.update { $0.append(text) }
                if let message = try? MessageCodec.gatewayMessage(text) { heard.update { $0.append(message) } }
            }
            heard.fail(CancellationError())
            texts.fail(CancellationError())
        }
    }

    deinit { reader.cancel() }

    static func connect(to gateway: RunningGateway) async throws -> ScriptedAgent {
        let address = try #require(WebSocketAddress("ws://127.0.0.1:\(gateway.port)/ws/runners"))
        return ScriptedAgent(
            try await WebSocketClient.connect(to: address, on: MultiThreadedEventLoopGroup.singleton))
    }

    /// The status of one engine that has these models loaded.
    static func status(
        _ models: [String] = ["m"], health: RunnerStatus.Health = .healthy, slots: Int = 4,
        aliases: [ModelID: EngineModelID] = [:]
    ) -> RunnerStatus {
        RunnerStatus(
            health: health,
            engines: [
                EngineStatus(
                    engineType: "openai", isHealthy: true, loadedModels: models,
                    availableModels: models.map { EngineModel(id: $0) }, batchSize: slots)
            ], modelAliases: aliases)
    }

    static func registration(
        _ id: RunnerID, port: Int, status: RunnerStatus = status(),
        _ change: (inout Registration) -> Void = { _ in }
    ) -> Registration {
        var registration = Registration(
            runnerID: id, runnerName: id.rawValue, httpPort: port, authToken: token, status: status)
        change(&registration)
        return registration
    }

    /// Connects, registers, and waits until the gateway accepts the registration.
    static func join(
        _ gateway: RunningGateway, as id: RunnerID, port: Int, status: RunnerStatus = status(),
        _ change: (inout Registration) -> Void = { _ in }
    ) async throws -> ScriptedAgent {
        let agent = try await connect(to: gateway)
        agent.say(.register(registration(id, port: port, status: status, change)))
        let response = try await agent.next()
        guard case .registerAck(id, _) = response else {
            Issue.record("\(id) was answered with \(response)")
            throw CancellationError()
        }
        return agent
    }

    func say(_ message: RunnerMessage) { connection.send(MessageCodec.text(message)) }
    func say(_ text: String) { connection.send(text) }

    /// The next message from the gateway.
    func next() async throws -> GatewayMessage {
        let first = try await heard.value { !$0.isEmpty }
        heard.update { $0.removeFirst() }
        return first[0]
    }

    /// The next message that is an error.
    func error() async throws -> ProtocolErrorCode {
        while true {
            if case .error(let code, _) = try await next() { return code }
        }
    }

    /// The gateway's first message, as text.
    func firstText() async throws -> String { try await texts.value { !$0.isEmpty }[0] }

    /// Returns how the connection ended, when it has ended.
    func end() async throws -> WebSocketEnd? {
        try await connection.socket.closed.get()
        return connection.end
    }
}
