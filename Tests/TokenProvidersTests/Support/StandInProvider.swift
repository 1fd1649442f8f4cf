import Foundation
import NIOHTTP1
import NIOSSL
import Synchronization
import TestSupport

/// A provider on loopback whose responses the test writes; it records its requests.
final class StandInProvider: Sendable {
    typealias Answer = ScriptedServer.Response

    struct Asked: Sendable {
        let path: String
        let authorization: String?
        let body: String

        /// The form's fields, decoded.
        var form: [String: String] {
            var components = URLComponents()
            components.percentEncodedQuery = body
            let items = components.queryItems ?? []
            return Dictionary(items.map { ($0.name, $0.value ?? "") }) { first, other in "\(first) \(other)" }
        }
    }

    private struct State {
        var port = 0
        /// The last response of a path is repeated.
        var answers: [String: [Answer]] = [:]
        var asked: [Asked] = []
    }

    private let state = Mutex(State())
    private let scheme: String

    private init(scheme: String) {
        self.scheme = scheme
    }

    static func run(tls: NIOSSLContext? = nil, _ body: (StandInProvider) async throws -> Void) async throws {
        let provider = StandInProvider(scheme: tls == nil ? "http" : "https")
        try await ScriptedServer.run(tls: tls, respond: provider.take) { server in
            provider.state.withLock { $0.port = server.port }
            provider.publish()
            try await body(provider)
        }
    }

    var issuer: String { "\(scheme)://127.0.0.1:\(state.withLock { $0.port })" }
    /// Every request except those for the discovery document.
    var asked: [Asked] { state.withLock { $0.asked.filter { !$0.path.contains("well-known") } } }

    /// Serves a discovery document; `changes` replaces members, nil removes one.
    func publish(_ changes: [String: String?] = [:]) {
        var members: [String: String] = [
            "issuer": "\"\(issuer)\"", "token_endpoint": "\"\(issuer)/token\"",
            "device_authorization_endpoint": "\"\(issuer)/device\"",
        ]
        members.merge(changes.compactMapValues(\.self)) { _, new in new }
        for (name, value) in changes where value == nil { members[name] = nil }
        let document = members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        answer("/.well-known/openid-configuration", .text("{\(document)}"))
    }

    func answer(_ path: String, _ answers: Answer...) {
        state.withLock { $0.answers[path] = answers }
    }

    private func take(_ request: ScriptedServer.Request) -> Answer {
        let asked = Asked(
            path: request.head.uri, authorization: request.head.headers.first(name: "authorization"), body: request.body
        )
        return state.withLock { state in
            state.asked.append(asked)
            var answers = state.answers[asked.path] ?? []
            guard let answer = answers.first else { return .text("", status: .notFound) }
            if answers.count > 1 { answers.removeFirst() }
            state.answers[asked.path] = answers
            return answer
        }
    }
}

extension ScriptedServer.Response {
    static func text(
        _ body: String, status: HTTPResponseStatus = .ok, type: String = "application/json", location: String? = nil
    ) -> Self {
        var headers: HTTPHeaders = ["content-type": type]
        if let location { headers.add(name: "location", value: location) }
        return .document(Array(body.utf8), status: status, headers: headers)
    }

    static func refusal(_ error: String, _ details: String = "") -> Self {
        .text(#"{"error":"\#(error)","error_description":"\#(details)"}"#, status: .badRequest)
    }
}
