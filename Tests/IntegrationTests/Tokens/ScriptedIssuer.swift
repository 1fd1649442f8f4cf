import Foundation
import NIOSSL
import Testing

@testable import LocalFleet

/// An issuer on loopback, discovery included, whose responses a test changes while it runs.
final class ScriptedIssuer: Sendable {
    enum Response: Sendable {
        case keys([JSONText])
        /// Raw bytes, head included.
        case raw(String)
        /// Bytes, followed by the end of the connection.
        case cut(String)
        /// No response at all.
        case silence
        /// A head, and then one byte at a time.
        case drip
        case hangUp
    }

    struct State: Sendable {
        var response: Response
        /// The response to the next request, once.
        var next: Response?
        /// Requests for the key set, and those of them that got a response.
        var fetches = 0
        var answered = 0
        /// Every path that was requested.
        var paths: [String] = []
    }

    let state: Watched<State>
    let server: ScriptedEngine

    private let scheme: String

    init(_ keys: [JSONText], tls: NIOSSLContext? = nil) async throws {
        let scheme = tls == nil ? "http" : "https"
        self.scheme = scheme
        let state = Watched(State(response: .keys(keys)))
        self.state = state
        let probe: ScriptedEngine.Script = { request, wire in
            state.update { $0.paths.append(request.path) }
            if request.path == "/.well-known/openid-configuration" {
                let host = try #require(request["host"])
                let document: JSONText = [
                    "issuer": .string("\(scheme)://\(host)"), "jwks_uri": .string("\(scheme)://\(host)\(Self.keyPath)"),
                ]
                return try await wire.send(ScriptedEngine.document(document.text))
            }
            guard request.path == Self.keyPath else {
                return try await wire.send(ScriptedEngine.document("{}", status: "404 Not Found"))
            }
            try await Self.respond(on: wire, state)
        }
        server = try await ScriptedEngine(probe: probe, tls: tls) { _, _ in }
    }

    static let keyPath = "/protocol/openid-connect/certs"

    /// The issuer's URL, which is also its name in tokens.
    var url: String { "\(scheme)://127.0.0.1:\(server.port)" }

    func publish(_ keys: [JSONText]) { state.update { $0.response = .keys(keys) } }
    func respond(_ response: Response) { state.update { $0.response = response } }

    /// Publishes these keys once, and sends no response afterwards.
    func publishOnce(_ keys: [JSONText]) {
        state.update {
            $0.next = .keys(keys)
            $0.response = .hangUp
        }
    }

    private static func respond(on wire: Wire, _ state: Watched<State>) async throws {
        let response = state.update { state in
            state.fetches += 1
            defer { state.next = nil }
            return state.next ?? state.response
        }
        switch response {
        case .keys(let keys):
            let document: JSONText = ["keys": .array(keys)]
            try await wire.send(ScriptedEngine.document(document.text))
        case .raw(let text):
            try await wire.send(text)
        case .cut(let text):
            try await wire.send(text)
            throw ScriptedEngine.ClientLeft()
        case .silence:
            try await wire.isLeft()
        case .drip:
            try await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")
            // The pace of this server; no test waits for it.
            while !wire.state.value.hasEnded {
                try await ContinuousClock().sleep(for: .milliseconds(50))
                try await wire.send(" ")
            }
        case .hangUp:
            throw ScriptedEngine.ClientLeft()
        }
        state.update { $0.answered += 1 }
    }
}
