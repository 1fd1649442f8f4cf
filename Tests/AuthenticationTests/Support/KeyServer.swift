import NIOHTTP1
import SimpleAICore
import Synchronization
import TestSupport

/// An issuer on loopback whose responses can be changed while it runs.
final class KeyServer: Sendable {
    private struct State {
        var port = 0
        var responses: [String: ScriptedServer.Response] = [:]
        var requests: [String: Int] = [:]
        var accepted: [String: String] = [:]
        var credentials: [String: [String?]] = [:]
    }

    private let state = Mutex(State())
    /// The path of every request, in the order of arrival; for one reader.
    let arrivals: AsyncStream<String>
    private let arrived: AsyncStream<String>.Continuation

    private init() {
        (arrivals, arrived) = AsyncStream.makeStream()
    }

    static func run(_ body: (KeyServer) async throws -> Void) async throws {
        let issuer = KeyServer()
        try await ScriptedServer.run(respond: { issuer.take($0.head) }) { server in
            issuer.state.withLock { $0.port = server.port }
            try await body(issuer)
        }
    }

    /// The server's URL, which is also the issuer's name.
    var url: String { "http://127.0.0.1:\(state.withLock { $0.port })" }

    /// A token of this issuer.
    func token(kid: String, by key: TestKey) -> String {
        TokenSketch(issuer: url, kid: kid, algorithm: key.algorithm).signed(by: key)
    }

    func respond(_ path: String, with response: ScriptedServer.Response) {
        state.withLock { $0.responses[path] = response }
    }

    func respond(_ path: String, with value: JSONValue) {
        respond(path, with: .document(Array(value.text.utf8)))
    }

    /// Serves discovery and a key set, like a well-behaved issuer.
    func publish(_ keys: JSONValue...) {
        respond(
            "/.well-known/openid-configuration", with: ["issuer": .string(url), "jwks_uri": .string(url + "/jwks")])
        respond("/jwks", with: ["keys": .array(keys)])
    }

    func requests(for path: String) -> Int {
        state.withLock { $0.requests[path] ?? 0 }
    }

    /// The media types that the last request for a path accepted.
    func accepted(for path: String) -> String {
        state.withLock { $0.accepted[path] ?? "" }
    }

    /// The `Authorization` values of all requests for a path, in order of arrival.
    func credentials(for path: String) -> [String?] {
        state.withLock { $0.credentials[path] ?? [] }
    }

    private func take(_ head: HTTPRequestHead) -> ScriptedServer.Response {
        let path = head.uri
        defer { arrived.yield(path) }
        return state.withLock { state in
            state.accepted[path] = head.headers[canonicalForm: "accept"].joined(separator: ", ")
            state.credentials[path, default: []].append(head.headers.first(name: "authorization"))
            state.requests[path, default: 0] += 1
            return state.responses[path] ?? .document([], status: .notFound)
        }
    }
}
