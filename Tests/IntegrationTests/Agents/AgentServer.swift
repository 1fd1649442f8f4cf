import NIOCore
import NIOPosix
import Relay
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet
@testable import RunnerAgent

/// The agent's HTTP side in front of a scripted engine, without a gateway: the test acts as the gateway.
struct AgentServer: Sendable {
    static let secret = "fleet-secret"

    let services: CallServices
    let server: CallServer
    let engine: ScriptedEngine

    /// - Parameter demandsSecret: whether gateway and agent have agreed on `http_auth`.
    static func with<Result: Sendable>(
        _ script: @escaping ScriptedEngine.Script, demandsSecret: Bool = false, connectionRule: FairShare? = nil,
        budget: BufferBudget? = nil,
        _ body: @escaping @Sendable (AgentServer) async throws -> Result
    ) async throws -> Result {
        let engine = try await ScriptedEngine(script)
        return try await within(.seconds(40), "the end of the test") {
            try await running([engine]) {
                var settings = RunnerSettings()
                settings.engines = [.init(kind: .openAI, url: "http://127.0.0.1:\(engine.port)")]
                let roster = try EngineRoster(settings, logger: .silent)
                await roster.refreshStatus()
                let services = CallServices(
                    roster: roster, counts: CallCounts(), secret: secret, logger: .silent,
                    connectionRule: connectionRule ?? FairShare(capacity: 2_048, minShare: 64),
                    budget: budget ?? BufferBudget(limit: 512 << 20, minShare: CallServices.maxBody.bytes))
                services.demandSecret(demandsSecret)
                let server = try await CallServer.listen(
                    on: "127.0.0.1", port: 0, services: services, group: MultiThreadedEventLoopGroup.singleton)
                let result = await Swift.Result {
                    try await body(AgentServer(services: services, server: server, engine: engine))
                }
                await server.end(by: .now())
                return try result.get()
            }
        }
    }

    func connect(from source: String? = nil) async throws -> Wire {
        try await Wire.connect(to: server.port, from: source)
    }

    func request(
        _ body: String, _ method: String = "POST", _ path: String = "/v1/chat/completions", fields: [String] = []
    ) -> String {
        (["\(method) \(path) HTTP/1.1", "Host: agent", "Content-Length: \(body.utf8.count)"] + fields)
            .joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    /// One request on a connection of its own.
    func send(
        _ body: String, _ method: String = "POST", _ path: String = "/v1/chat/completions", fields: [String] = [],
        from source: String? = nil
    ) async throws -> Response {
        let wire = try await connect(from: source)
        try await wire.send(request(body, method, path, fields: fields))
        let response = try await wire.response()
        await wire.close()
        return response
    }

    /// Returns when no call is in progress and no body is held.
    func settled() async throws {
        await services.counts.idle()
        #expect(services.budget.bytesInUse == 0)
    }
}
