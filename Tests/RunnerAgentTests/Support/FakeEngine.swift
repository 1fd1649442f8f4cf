import NIOHTTP1
import Synchronization
import TestSupport

/// Responds like an engine's own API, from a table, and records the requests.
final class FakeEngine: Sendable {
    struct Answer: Sendable {
        var status = 200
        var body = "{}"

        static func json(_ body: String) -> Answer { Answer(body: body) }
    }

    private struct State {
        var port = 0
        var answers: [String: Answer]
        var asked: [String] = []
    }

    private let state: Mutex<State>

    /// - Parameters:
    ///   - answers: responses by method and path, such as `GET /api/tags`; all other requests get 404.
    ///   - closesReusedConnections: the second request on a connection finds it closed, like a request that crosses the
    ///     close of an idle connection.
    static func with<Result: Sendable>(
        _ answers: [String: Answer], closesReusedConnections: Bool = false,
        _ body: (FakeEngine) async throws -> Result
    ) async throws -> Result {
        let engine = FakeEngine(answers)
        return try await ScriptedServer.run(respond: { request in
            if closesReusedConnections, request.earlierRequests > 0 { return .hangUp }
            return engine.take(request)
        }) { server in
            engine.state.withLock { $0.port = server.port }
            return try await body(engine)
        }
    }

    private init(_ answers: [String: Answer]) { state = Mutex(State(answers: answers)) }

    var port: Int { state.withLock { $0.port } }
    var url: String { "http://127.0.0.1:\(port)" }
    /// Method, path and body of every request, in order.
    var requests: [String] { state.withLock { $0.asked } }
    func set(_ request: String, _ answer: Answer) { state.withLock { $0.answers[request] = answer } }

    private func take(_ request: ScriptedServer.Request) -> ScriptedServer.Response {
        let line = "\(request.head.method.rawValue) \(request.head.uri)"
        let answer = state.withLock { state in
            state.asked.append(request.body.isEmpty ? line : "\(line) \(request.body)")
            return state.answers[line] ?? Answer(status: 404, body: "{\"error\":\"nothing here\"}")
        }
        return .document(
            Array(answer.body.utf8), status: .init(statusCode: answer.status),
            headers: ["Content-Type": "application/json"])
    }
}
