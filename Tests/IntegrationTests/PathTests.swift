import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Both planes parse paths in the same way.
    @Suite struct PathTests {
        @Test(arguments: [
            "//v1/chat/completions", "/v1//chat/completions", "/v1/chat/completions/", "/v1/v1/chat/completions",
            "/v1/chat/completions/?api-version=1", "/v1/%63hat/completions", "http://gateway//v1/chat/completions",
        ])
        func pathsOfTheAPIAreReadTolerantly(path: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { (gateway, engine) async throws in
                #expect(try await gateway.send(RunningGateway.chat(), "POST", path).status == 200)
                #expect(try engine.request(0).path == "/v1/chat/completions")
                let models = path.replacing("chat/completions", with: "models").replacing(
                    "%63hat/completions", with: "models")
                #expect(try await gateway.get(models).text.contains("\"object\":\"list\""))
                let route = path.replacing("chat/completions", with: "route").replacing(
                    "%63hat/completions", with: "route")
                #expect(try await gateway.send(RunningGateway.chat(), "POST", route).status == 200)
            }
        }

        /// Azure's form: the deployment is the model, unless the body names one.
        @Test(arguments: [
            ("/openai/deployments/m/chat/completions?api-version=2024-10-21", "{\"messages\":[]}"),
            ("/openai//deployments/m/chat/completions/", "{\"messages\":[],\"model\":null}"),
            ("/openai/deployments/x/chat/completions", "{\"messages\":[],\"model\":\"m\"}"),
        ])
        func deploymentsArePaths(path: String, body: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let token = try gateway.token(["model:specific"])
                let response = try await gateway.send(body, "POST", path, token: "", fields: ["api-key: \(token)"])
                #expect(response.status == 200)
                #expect(try engine.request(0).path == "/v1/chat/completions")
                #expect(try engine.request(0).body.contains("\"model\":\"m\""))
                #expect(try engine.request(0)["api-key"] == nil)
                #expect(try await gateway.send(body, "POST", path, roles: []).status == 403)
            }
        }

        /// Engines serve different spellings of `rerank`.
        @Test(arguments: [
            ("/rerank", "/rerank"), ("/v1/rerank/", "/v1/rerank"), ("/v2/rerank", "/v2/rerank"),
            ("/v1/v2/rerank?x=1", "/v2/rerank"),
        ])
        func rerankKeepsItsPath(path: String, forwarded: String) async throws {
            try await withEngine({ _, wire in
                try await wire.send(ScriptedEngine.document(#"{"results":[{"index":0,"relevance_score":1}]}"#))
            }) { (gateway, engine) async throws in
                let body = #"{"model":"m","query":"q","documents":["d"]}"#
                #expect(try await gateway.send(body, "POST", path).text.contains("relevance_score"))
                #expect(try engine.request(0).path == forwarded)
                let refusal = try await gateway.send(#"{"model":"m","documents":["d"]}"#, "POST", path)
                #expect(try refusal.error().param == "query")
            }
        }

        @Test(arguments: ["x-api-key", "api-key", "X-Api-Key"])
        func fieldsWithBareTokensCarryCredentials(field: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, engine in
                let fields = ["\(field): \(try gateway.token(["model:specific"]))"]
                #expect(try await gateway.send(RunningGateway.chat(), token: "", fields: fields).status == 200)
                #expect(try engine.request(0)[field] == nil, "engines receive no credentials of callers")
                #expect(try await gateway.get("/v1/models", token: "", fields: fields).status == 200)
                let wrong = try await gateway.send(RunningGateway.chat(), token: "", fields: ["\(field): x"])
                #expect(wrong.status == 401)
                #expect(try await gateway.get("/v1/models", token: "", fields: ["\(field): x"]).status == 401)
                let two = try await gateway.send(RunningGateway.chat(), fields: ["\(field): x"])
                #expect(two.status == 401)
            }
        }

        @Test(arguments: [
            "/admin/", "//admin", "/admin//api/fleet", "/%61dmin", "/metrics/", "//metrics", "/ws/runners/",
            "/ws//runners",
            "/v1/../admin", "/v1/%2e%2e/admin", "/v1%2Fmodels", "/V1/models", "/v1/./models",
        ])
        func otherPathsAreReadExactly(path: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                let response = try await gateway.get(path)
                #expect(response.status == 404)
                #expect(try response.error().code == "not_found")
            }
        }

        @Test(arguments: [
            ("POST", "/chat/completions", "/v1/chat/completions"), ("GET", "/models", "/v1/models"),
            ("POST", "/openai/v1/embeddings", "/v1/embeddings"), ("GET", "/models/m", "/v1/models/m"),
            ("POST", "//responses/", "/v1/responses"),
        ])
        func reportsAPathWithoutVersion(method: String, path: String, meant: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                let response = try await gateway.send("{}", method, path)
                #expect(response.status == 404)
                #expect(try response.error().message.contains("use \(meant)."))
            }
        }

        /// Ids may contain any character, and are decoded once.
        @Test func idsInPaths() async throws {
            let engine = try await ScriptedEngine(models: ["org/m:1", "a%41"], ScriptedEngine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with(
                    [.at(engine.port)], { $0.classes = [.init(name: "fast", models: ["org/m:1"])] }
                ) {
                    (gateway) async throws in
                    for path in ["org/m:1", "org%2Fm%3A1", "org//m:1/", "%6Frg/m:1", "a%2541"] {
                        #expect(try await gateway.get("/v1/models/\(path)").status == 200, "\(path)")
                    }
                    for path in ["org%252Fm:1", "aA", "a%41", "%ff"] {
                        #expect(try await gateway.get("/v1/models/\(path)").status == 404, "\(path)")
                    }
                    let key = try await gateway.send(#"{"name":"k"}"#, "POST", "/admin/api/keys", roles: ["admin"])
                    let id = try #require(try key.json()["id"] as? String)
                    let encoded = id.utf8.map { "%\(String($0, radix: 16))" }.joined()
                    let revoked = try await gateway.send("", "DELETE", "/admin/api/keys/\(encoded)", roles: ["admin"])
                    #expect(revoked.status == 200)
                }
            }
        }

        @Test func everyGETHasAHEAD() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { (gateway, _) async throws in
                for path in [
                    "/health", "/ready", "/v1/models", "/v1/models/m", "/metrics", "/admin", "/admin/api/fleet",
                    "/admin/api/keys", "/ws/runners", "/nothing",
                ] {
                    let head = try await gateway.exchange("HEAD", path)
                    let get = try await gateway.get(path)
                    #expect(head.status == get.status && head.body.isEmpty, "\(path)")
                    #expect(head["content-type"] == get["content-type"], "\(path)")
                }
                #expect(try await gateway.exchange("HEAD", "/v1/models", token: "").status == 401)
                // The next response begins directly behind the head.
                let wire = try await gateway.connect()
                let get = "GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                try await wire.send(
                    get.replacing("GET", with: "HEAD").replacing("Connection: close\r\n", with: "") + get)
                let both = try await wire.readToEnd()
                #expect(both.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
                #expect(both.components(separatedBy: "{\"status\"").count == 2)
            }
        }

        @Test func theSameInHTTP2() async throws {
            try await withHTTP2 { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let call = try await client.send(
                    gateway.head("POST", "//v1/v1/chat/completions/"), body: RunningGateway.chat())
                #expect(try await call.response().status == 200)
                #expect(try engine.request(0).path == "/v1/chat/completions")
                let head = try await client.send(gateway.head("HEAD", "/v1//models")).response()
                #expect(head.status == 200 && head.body.isEmpty && head.endedCleanly)
                #expect(try await client.send(gateway.head("GET", "//admin")).response().status == 404)
                await client.close()
            }
        }

        // MARK: Bodies of the control plane

        @Test func aRequestThatIsTooLargeReturns413() async throws {
            try await RunningGateway.with([]) { gateway in
                let large = "{\"name\":\"\(String(repeating: "x", count: 1 << 20))\"}"
                let response = try await gateway.send(large, "POST", "/admin/api/keys", roles: ["admin"])
                #expect(response.status == 413)
                #expect(try response.error().code == "request_too_large")
                // Without a length: the size is found while reading.
                let wire = try await gateway.connect()
                let head = try gateway.request("", "POST", "/admin/api/keys", roles: ["admin"])
                    .replacing("Content-Length: 0", with: "Transfer-Encoding: chunked")
                try await wire.send(head + ScriptedEngine.chunk(large))
                #expect(try await wire.response().status == 413)
                await wire.close()
            }
        }
    }
}
