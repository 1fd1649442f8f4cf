import Foundation
import NIOCore
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Every refusal is an error object with a request id, and no part of the request reaches an engine.
    @Suite struct RefusalTests {
        private func expect(
            _ response: Response, _ status: Int, _ code: String, _ type: String, _ comment: Comment? = nil
        ) throws {
            #expect(response.status == status, comment)
            #expect(response["content-type"] == "application/json", comment)
            #expect(response["x-request-id"]?.isEmpty == false, comment)
            #expect(response.endedCleanly, comment)
            let error = try response.error()
            #expect(error.code == code && error.type == type && !error.message.isEmpty, comment)
        }

        @Test func credentials() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let forged = try TokenMint(
                    key: SigningKey(generating: .es256), issuer: RunningGateway.issuer, audience: "simpleai"
                ).token(user: "mallory", roles: ["admin"])
                let expired = try gateway.mint.token(
                    user: "late", roles: [], lifetime: .seconds(1), issuedAt: Date(timeIntervalSinceNow: -3600))
                for (token, wasSent) in [("", false), ("garbage", true), (forged, true), (expired, true)] {
                    for (method, path) in [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/admin")] {
                        let response = try await gateway.send(RunningGateway.chat(), method, path, token: token)
                        try expect(response, 401, "invalid_api_key", "authentication_error")
                        let detail = wasSent ? ", error=\"invalid_token\"" : ""
                        #expect(response.all("www-authenticate") == ["Bearer realm=\"simpleai\"\(detail)"])
                        #expect(
                            response.text.contains("expired") == (token == expired), "any other reason is for the log")
                    }
                }
                let basic = try await gateway.send(
                    RunningGateway.chat(), token: "", fields: ["Authorization: Basic eDp5"])
                try expect(basic, 401, "invalid_api_key", "authentication_error")
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        @Test func rightsComeBeforeExistence() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                for model in ["m", "does-not-exist"] {
                    for stream in [false, true] {
                        let response = try await gateway.send(RunningGateway.chat(model, stream: stream), roles: [])
                        try expect(response, 403, "permission_denied", "permission_error")
                        #expect(try response.error().message.hasPrefix("Permission denied:"))
                    }
                }
                try expect(try await gateway.get("/admin", roles: []), 403, "permission_denied", "permission_error")
                for (model, roles) in [("class:nope", []), ("nope", ["model:specific"])] as [(String, [Role])] {
                    let response = try await gateway.send(RunningGateway.chat(model), roles: roles)
                    try expect(response, 404, "model_not_found", "invalid_request_error")
                }
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        @Test func deniedMayReturn400() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: { $0.errors.permissionDeniedStatus = 400 }) {
                gateway, _ in
                let response = try await gateway.send(RunningGateway.chat(), roles: [])
                try expect(response, 400, "permission_denied", "permission_error")
                #expect(try response.error().message.hasPrefix("Permission denied:"))
                try expect(try await gateway.get("/admin", roles: []), 400, "permission_denied", "permission_error")
            }
        }

        @Test(arguments: [
            ("GET", "/v1/chat/completions", "POST"), ("HEAD", "/v1/embeddings", "POST"),
            ("POST", "/v1/models", "GET, HEAD"), ("DELETE", "/v1/models/m", "GET, HEAD"),
            ("POST", "/metrics", "GET, HEAD"), ("PUT", "/health", "GET, HEAD"), ("GET", "/v1/route", "POST"),
            ("POST", "/ws/runners", "GET, HEAD"),
        ])
        func methods(method: String, path: String, allowed: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                let isHead = method == "HEAD"
                let response = try await isHead ? gateway.exchange(method, path) : gateway.send("", method, path)
                if isHead {
                    #expect(response.status == 405 && response.body.isEmpty)
                } else {
                    try expect(response, 405, "method_not_allowed", "invalid_request_error")
                }
                #expect(response["allow"] == allowed)
            }
        }

        @Test(arguments: ["//", "/v1", "/v1/chat", "/v1/chat/completions/x", "/v2/chat/completions"])
        func paths(path: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                try expect(try await gateway.get(path), 404, "not_found", "invalid_request_error")
                try expect(try await gateway.send("{}", "POST", path), 404, "not_found", "invalid_request_error")
            }
        }

        @Test(arguments: [
            ("", "invalid_json"), ("{", "invalid_json"), ("{\"messages\":[]}}", "invalid_json"),
            ("nonsense", "invalid_json"),
            ("[]", "invalid_request"), ("{}", "invalid_request"), ("{\"messages\":1}", "invalid_request"),
            ("{\"messages\":[],\"stream\":\"yes\"}", "invalid_request"),
            ("{\"messages\":[],\"model\":7}", "invalid_request"),
            ("{\"messages\":" + String(repeating: "[", count: 100_000), "invalid_json"),
        ])
        func bodies(body: String, code: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                try expect(try await gateway.send(body), 400, code, "invalid_request_error", "\(body.prefix(40))")
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        @Test(arguments: [#""model":"m","mod\u0065l":"n""#, #""stream":true,"stream":false"#])
        func ambiguity(members: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let response = try await gateway.send("{\(members),\"messages\":[]}")
                #expect(response.status == 400)
                _ = try response.error()
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        /// A case-insensitive engine would run a different model than the authorised one.
        @Test(
            arguments: Endpoint.allCases.filter { $0.bodyKind != .multipart && $0.dialect == .openAI }.map(\.path)
                + ["/v1/route"])
        func otherSpellingsOfFields(path: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                for (member, param) in [
                    (#""Model":"m""#, "model"), (#""\u004dodel":"m""#, "model"), (#""Stream":true"#, "stream"),
                    ("\"\u{17F}tream\":true", "stream"), (#""maxTokens":1"#, "max_tokens"),
                    (#""stream_options":{"Include_Usage":true}"#, "stream_options.include_usage"),
                ] {
                    let fields = #""messages":[],"prompt":"x","input":"x","query":"x","model":"class:fast""#
                    for body in ["{\(member),\(fields)}", "{\(fields),\(member)}"] {
                        let response = try await gateway.send(body, "POST", path, roles: [])
                        try expect(response, 400, "invalid_request", "invalid_request_error", "\(path) \(member)")
                        #expect(try response.error().param == param)
                    }
                }
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        @Test func mediaTypes() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                for field in [
                    "Content-Type: text/plain", "Content-Type: multipart/form-data; boundary=x",
                    "Content-Type: application/json; charset=utf-7",
                    "Content-Type: application/json;charset=\"UTF-16\"",
                ] {
                    let response = try await gateway.send(RunningGateway.chat(), fields: [field])
                    try expect(response, 415, "unsupported_media_type", "invalid_request_error")
                }
                for type in [
                    "application/json; charset=utf-8", "application/json;charset=\"UTF-8\"; x=y", "APPLICATION/JSON",
                ] {
                    let response = try await gateway.send(RunningGateway.chat(), fields: ["Content-Type: \(type)"])
                    #expect(response.status == 200, "\(type)")
                }
            }
        }

        // MARK: Sizes

        @Test func aBodyThatIsTooLarge() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: { $0.server.maxBody = .kibibytes(1) }) {
                gateway, engine in
                let body = RunningGateway.chat(more: "\"x\":\"\(String(repeating: "x", count: 2000))\",")
                try expect(try await gateway.send(body), 413, "request_too_large", "invalid_request_error")
                // Without a length: the size is found while reading.
                let wire = try await gateway.connect()
                let head = try gateway.request("").replacing("Content-Length: 0", with: "Transfer-Encoding: chunked")
                try await wire.send(head + ScriptedEngine.chunk(body))
                try expect(try await wire.response(), 413, "request_too_large", "invalid_request_error")
                await wire.close()
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        /// The response must arrive although the client is still sending.
        @Test func aLargeBodyThatIsRefusedEarlyStillGetsAResponse() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                let body = RunningGateway.chat(more: "\"x\":\"\(String(repeating: "x", count: 4 << 20))\",")
                for _ in 1...5 {
                    let response = try await gateway.send(body, token: "")
                    try expect(response, 401, "invalid_api_key", "authentication_error")
                    #expect(response["connection"] == "close")
                }
            }
        }

        @Test func headersThatAreTooLarge() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                for length in [70_000, 600_000] {
                    let large = try await gateway.get(
                        "/health", fields: ["X: " + String(repeating: "x", count: length)])
                    try expect(large, 431, "headers_too_large", "invalid_request_error")
                }
                let many = (0..<3000).map { "X-\($0): \(String(repeating: "y", count: 40))" }
                try expect(
                    try await gateway.get("/health", fields: many), 431, "headers_too_large", "invalid_request_error")
                #expect(try await gateway.get("/health").status == 200)
            }
        }

        @Test(arguments: [
            "GET / HTTP/1.1\r\nHost\r\n\r\n", "nonsense\r\n\r\n", "GET / HTTP/3.0\r\n\r\n",
            "\u{16}\u{3}\u{1}\u{0}hello\r\n\r\n",
        ])
        func whatIsNoHTTP(bytes: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(bytes)
                try expect(try await wire.response(), 400, "invalid_request", "invalid_request_error")
                try await wire.isLeft()
            }
        }

        // MARK: Credentials before the body

        @Test func theBodyIsInvitedOnlyAfterTheCredentials() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                let body = RunningGateway.chat()
                let length = "Content-Length: \(body.utf8.count)"
                let refused = try await gateway.connect()
                let head = try gateway.request("", token: "garbage", fields: ["Expect: 100-continue"])
                try await refused.send(head.replacing("Content-Length: 0", with: length))
                let refusal = try await refused.readToEnd()
                #expect(refusal.hasPrefix("HTTP/1.1 401 "), "no 100, and the end without waiting for a body")
                await refused.close()

                let accepted = try await gateway.connect()
                let good = try gateway.request("", fields: ["Expect: 100-continue"])
                try await accepted.send(good.replacing("Content-Length: 0", with: length))
                try await accepted.read(until: "HTTP/1.1 100 Continue\r\n\r\n")
                try await accepted.send(body)
                #expect(try await accepted.response().status == 200)
            }
        }

        /// While an issuer's keys are being fetched, unauthenticated clients cannot fill the gateway's memory.
        @Test func theBodyIsNotReadBeforeTheCredentialsAreKnown() async throws {
            let keysMayCome = Watched(false)
            let (key, other) = (try SigningKey(generating: .es256), try SigningKey(generating: .es256))
            let keyServer = try await ScriptedEngine(probe: { _, wire in
                _ = try await keysMayCome.value { $0 }
                try await wire.send(ScriptedEngine.document(PublicJSONWebKey.keySet([key.publicKey])))
            }) { _, _ in }
            try await running([keyServer]) {
                try await RunningGateway.with(
                    [],
                    { $0.auth.issuers[0].keys = .url("http://127.0.0.1:\(keyServer.port)/jwks") }
                ) { gateway in
                    let forged = try TokenMint(key: other, issuer: RunningGateway.issuer, audience: "simpleai")
                        .token(user: "mallory", roles: [])
                    let body = RunningGateway.chat(more: "\"x\":\"\(String(repeating: "x", count: 28 << 20))\",")
                    let wire = try await gateway.connect()
                    let sent = Watched(0)
                    try await wire.send(
                        gateway.request("", token: forged).replacing(
                            "Content-Length: 0", with: "Content-Length: \(body.utf8.count)"))
                    let sending = Task {
                        let bytes = Array(body.utf8)
                        for start in stride(from: 0, to: bytes.count, by: 64 << 10) {
                            let piece = bytes[start..<min(bytes.count, start + 64 << 10)]
                            try await wire.channel.writeAndFlush(ByteBuffer(bytes: piece))
                            sent.update { $0 += piece.count }
                        }
                    }
                    let stalled = try await gateway.stalled { sent.value }
                    #expect(stalled < 16 << 20, "\(stalled) bytes were taken before the credentials were known")
                    let metrics = try await gateway.metrics { _ in true }
                    #expect(metrics["simpleai_buffered_bytes"] == 0)
                    keysMayCome.update { $0 = true }
                    // 503 if the gateway's wait for the keys timed out first.
                    #expect([401, 503].contains(try await wire.response().status))
                    await wire.close()
                    _ = await sending.result
                    try await gateway.settled()
                }
            }
        }

        @Test func anIssuerThatCannotBeReachedIsNotTheCallersFault() async throws {
            let isUp = Watched(false)
            let keys = Watched("")
            let keyServer = try await ScriptedEngine(probe: { _, wire in
                try await wire.send(
                    isUp.value
                        ? ScriptedEngine.document(keys.value)
                        : ScriptedEngine.document("{}", status: "503 Service Unavailable"))
            }) { _, _ in }
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([keyServer, engine]) {
                try await RunningGateway.with(
                    [.at(engine.port)],
                    {
                        $0.auth.issuers[0].keys = .url("http://127.0.0.1:\(keyServer.port)/jwks")
                        $0.auth.issuers[0].refreshCooldown = .milliseconds(1)
                    }
                ) { gateway in
                    let response = try await gateway.send(RunningGateway.chat())
                    try expect(response, 503, "keys_unavailable", "server_error")
                    let retryAfter = try #require(response["retry-after"].flatMap { Int($0) })
                    #expect((1...60).contains(retryAfter))
                    #expect(try await gateway.get("/ready").status == 503)
                    #expect(try await gateway.get("/health").status == 200)

                    keys.update { $0 = PublicJSONWebKey.keySet([gateway.mint.key.publicKey]) }
                    isUp.update { $0 = true }
                    while try await gateway.send(RunningGateway.chat()).status != 200 { try Task.checkCancellation() }
                    #expect(try await gateway.get("/ready").status == 200)
                }
            }
        }
    }
}
