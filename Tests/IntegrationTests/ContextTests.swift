import Foundation
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Header fields of callers, browsers, proxies and engines are not forwarded unless they are listed.
    @Suite struct ContextTests {
        private static let context = [
            "Referer: https://chat.example.com/c/1", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site",
            "Access-Control-Request-Method: POST", "Access-Control-Request-Private-Network: true", "Cookie: a=b",
            "X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "Via: 1.1 proxy", "X-Stainless-Lang: python",
            "OpenAI-Organization: org-1", "X-Anything: else",
        ]

        @Test func enginesReceiveListedHeaders() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let passing = [
                    "traceparent: 00-ab-cd-01", "tracestate: a=b", "Accept: text/event-stream", "User-Agent: test/1",
                    "OpenAI-Beta: x", "X-Request-Id: r-1",
                ]
                for origin in ["chrome-extension://abc", "null", "https://chat.example.com"] {
                    let response = try await gateway.send(
                        RunningGateway.chat(), fields: Self.context + passing + ["Origin: \(origin)"])
                    #expect(response.status == 200)
                }
                for request in engine.counts.value.requests {
                    #expect(
                        Set(request.fields.map { $0.name.lowercased() }) == [
                            "host", "content-type", "content-length", "accept-encoding", "x-request-id", "traceparent",
                            "tracestate", "accept", "user-agent", "openai-beta",
                        ])
                }
            }
        }

        private static let hostile = """
            Clear-Site-Data: "*"\r\nStrict-Transport-Security: max-age=99999999\r\nAlt-Svc: h3="evil:443"\r
            Refresh: 0; url=https://evil\r\nLocation: https://evil\r\nProxy-Authenticate: Basic\r\nSet-Cookie: a=b\r
            Link: <https://evil>; rel=preload\r\nopenai-processing-ms: 7\r\nretry-after: 3\r\n
            """
        private static let passing: Set = ["content-type", "openai-processing-ms", "retry-after"]
        private static let ours: Set = [
            "content-length", "transfer-encoding", "connection", "server-timing", "x-request-id", "x-simpleai-runner",
            "x-simpleai-model", "x-simpleai-wake", "cache-control", "x-accel-buffering", ":status",
        ]

        private static func script(_ request: ScriptedEngine.Request, _ wire: Wire) async throws {
            if request.body.contains("\"stream\"") {
                let head = ScriptedEngine.streamHead.replacing("\r\n\r\n", with: "\r\n\(hostile)\r\n")
                return try await wire.send(
                    head + ScriptedEngine.events().map { ScriptedEngine.chunk($0) }.joined() + ScriptedEngine.lastChunk)
            }
            let status = request.body.contains("fail") ? "422 No" : "200 OK"
            try await wire.send(ScriptedEngine.document(ScriptedEngine.completion(), status: status, fields: hostile))
        }

        private static func expect(_ response: Response, _ status: Int) {
            let names = Set(response.fields.map { $0.name.lowercased() })
            #expect(response.status == status)
            #expect(names.isSubset(of: passing.union(ours)), "\(names)")
            #expect(names.contains("openai-processing-ms"))
        }

        @Test func callersReceiveListedHeaders() async throws {
            try await withEngine(Self.script) { (gateway, _) async throws in
                Self.expect(try await gateway.send(RunningGateway.chat()), 200)
                Self.expect(try await gateway.send(RunningGateway.chat(stream: true)), 200)
                Self.expect(try await gateway.send(RunningGateway.chat(more: "\"user\":\"fail\",")), 422)
            }
            try await withHTTP2(Self.script) { gateway, _ in
                let client = try await gateway.connectHTTP2()
                for body in [RunningGateway.chat(), RunningGateway.chat(stream: true)] {
                    Self.expect(try await client.send(gateway.head(), body: body).response(), 200)
                }
                await client.close()
            }
        }

        // MARK: Duplicates of decisive fields

        @Test(arguments: [
            ("Authorization", "Bearer x", "authorization"), ("content-type", "text/plain", "content-type"),
            ("X-Request-Id", "b", "x-request-id"),
        ])
        func repeatedSingletonFieldsAreRefused(name: String, value: String, param: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let first =
                    name == "X-Request-Id"
                    ? ["X-Request-Id: a"] : name == "content-type" ? ["Content-Type: application/json"] : []
                for (method, path) in [
                    ("POST", "/v1/chat/completions"), ("POST", "/v1/route"), ("POST", "/admin/api/keys"),
                ] {
                    let response = try await gateway.send(
                        "{}", method, path, fields: first + ["\(name): \(value)"], roles: ["admin"])
                    #expect(response.status == 400, "\(path)")
                    #expect(try response.error().code == "invalid_request" && response.error().param == param)
                }
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        @Test func differentCredentialsAreRefused() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let token = try gateway.token(["model:specific"])
                for (value, status) in [("other", 401), (token, 200), ("", 200)] {
                    for name in ["x-api-key", "API-Key"] {
                        let response = try await gateway.send(
                            RunningGateway.chat(), token: token, fields: ["\(name): \(value)"])
                        #expect(response.status == status, "\(name)")
                        #expect(!response.text.contains(token))
                    }
                }
                #expect(engine.counts.value.requests.count == 4)
            }
        }

        /// In the form that the client reads.
        @Test(arguments: [
            ("POST", "/v1/messages", ""), ("GET", "/v1/models", "anthropic-version: 2023-06-01"),
            ("POST", "/api/chat", ""), ("GET", "/v1/models", ""),
        ])
        func differentCredentialsAreRefusedInTheDialect(method: String, path: String, field: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let fields = ["x-api-key: other"] + (field.isEmpty ? [] : [field])
                let response = try await gateway.send("{}", method, path, fields: fields)
                #expect(response.status == 401 && response["www-authenticate"]?.contains("invalid_token") == true)
                let body = try response.json()
                switch Dialect(ofRequest: path, hasAnthropicVersion: !field.isEmpty) {
                case .anthropic:
                    #expect((body["error"] as? [String: Any])?["type"] as? String == "authentication_error")
                    #expect(body["request_id"] as? String == response["request-id"])
                case .ollama: #expect((body["error"] as? String)?.contains("Conflicting credentials") == true)
                case .openAI: #expect(try response.error().code == "invalid_api_key")
                }
            }
        }

        @Test func theSameInHTTP2() async throws {
            try await withHTTP2 { gateway, engine in
                let client = try await gateway.connectHTTP2()
                for (field, param) in [
                    (("authorization", "Bearer x"), "authorization"), (("content-type", "text/plain"), "content-type"),
                    (("x-api-key", "x"), "authorization"),
                ] {
                    let response = try await client.send(gateway.head(fields: [field]), body: RunningGateway.chat())
                        .response()
                    #expect(response.status == (field.0 == "x-api-key" ? 401 : 400))
                    #expect(try response.error().param == param)
                }
                let good = try await client.send(gateway.head(), body: RunningGateway.chat()).response()
                #expect(good.status == 200, "the connection goes on")
                #expect(engine.counts.value.requests.count == 1)
                await client.close()
            }
        }
    }
}
