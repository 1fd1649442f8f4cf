import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Ollama's endpoints that describe models.
    @Suite struct OllamaModelsTests {
        private static func names(_ response: Response) throws -> [String] {
            let models = try #require(response.json()["models"] as? [[String: Any]])
            return models.compactMap { $0["name"] as? String }
        }

        @Test func modelsAreListedWithTheRightsOfTheCaller() async throws {
            // The second runner's machine is off.
            let engine = try await ScriptedEngine(models: ["m", "other"], ScriptedEngine.wellBehaved)
            try await running([engine]) {
                let runners = [
                    Settings.StaticRunner.at(engine.port),
                    Settings.StaticRunner.at(1, id: "r2", models: ["asleep"]) {
                        $0.wake = Settings.WakeTarget(macs: [])
                        $0.wake?.command = ["true"]
                    },
                ]
                try await RunningGateway.with(runners, awaitRunners: false) { gateway in
                    _ = try await gateway.metrics { $0["simpleai_runners{state=\"ready\"}"] == 1 }
                    let all = try Self.names(try await gateway.get("/api/tags"))
                    #expect(Set(all) == ["class:fast", "m", "other", "asleep"])
                    #expect(try Self.names(try await gateway.get("/api/tags", roles: [])) == ["class:fast"])
                    #expect(Set(try Self.names(try await gateway.get("//api/ps/"))) == ["m", "other"])
                    #expect(try await gateway.get("/api/tags", token: "").status == 401)
                    let shown = try await gateway.send(#"{"model":"asleep"}"#, "POST", "/api/show")
                    #expect(try shown.json()["model_info"] is [String: Any])
                    for (body, roles, status) in [
                        (#"{"name":"m"}"#, ["model:specific"], 200), (#"{"model":"m"}"#, [], 404),
                        (#"{"model":"none"}"#, ["model:specific"], 404), ("{}", ["model:specific"], 400),
                        ("{", ["model:specific"], 400),
                    ] as [(String, [Role], Int)] {
                        let response = try await gateway.send(body, "POST", "/api/show", roles: roles)
                        #expect(response.status == status)
                        #expect((try response.json()["error"] != nil) == (status != 200))
                    }
                }
            }
        }

        @Test func clientsRecognizeTheServer() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { (gateway, _) async throws in
                #expect(try await gateway.get("/", token: "").text == "Ollama is running")
                let head = try await gateway.exchange("HEAD", "/", token: "")
                #expect(head.status == 200 && head.body.isEmpty)
                let version = try await gateway.get("/v1/api/version", token: "").json()["version"] as? String
                #expect(version?.split(separator: ".").count == 3)
                let models = try await gateway.exchange("HEAD", "/api/tags")
                #expect(models.status == 200 && models.body.isEmpty)
            }
        }

        @Test(arguments: [
            ("POST", "/api/pull"), ("POST", "/api/push"), ("POST", "/api/create"), ("POST", "/api/copy"),
            ("DELETE", "/api/delete"), ("POST", "/api/blobs/sha256:00"),
        ])
        func modelsAreNotManaged(method: String, path: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { (gateway, engine) async throws in
                let response = try await gateway.send("{\"model\":\"m\"}", method, path)
                #expect(response.status == 501)
                #expect((try response.json()["error"] as? String)?.contains("GET /api/tags") ?? false)
                #expect(try await gateway.send("{}", method, path, token: "").status == 401)
                #expect(engine.paths.isEmpty)
            }
        }

        /// Errors of the control plane have the form of the dialect, too.
        @Test func errorsHaveTheFormOfTheDialect() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { (gateway, _) async throws in
                let unknown = try await gateway.get("/api/nothing")
                #expect(try unknown.status == 404 && unknown.json()["error"] is String)
                let list = try await gateway.get(
                    "/v1/models", token: "", fields: ["anthropic-version: 2023-06-01"])
                #expect(try list.status == 401 && list.json()["type"] as? String == "error")
                #expect(list["request-id"] == list["x-request-id"])
                let method = try await gateway.get("/api/show")
                #expect(method.status == 405 && method["allow"] == "POST")
                #expect(try await gateway.get("/v1/nothing").error().code == "not_found")
            }
        }

        /// Clients hide a model, or its tools, without these words.
        @Test func aModelIsShownWithWhatItCanDo() async throws {
            let probe: ScriptedEngine.Script = { _, wire in
                try await wire.send(
                    ScriptedEngine.document(
                        #"{"models":[{"name":"m"},{"name":"nomic-embed-text"},{"name":"plain","capabilities":["completion"]},"#
                            + #"{"name":"sees","capabilities":["vision"]},"#
                            + #"{"name":"thinks","capabilities":["completion","tools","thinking"]}]}"#))
            }
            let engine = try await ScriptedEngine(probe: probe, ScriptedEngine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port)]) { gateway in
                    for (model, capabilities) in [
                        ("m", ["completion", "tools"]), ("nomic-embed-text", ["embedding"]), ("plain", ["completion"]),
                        ("sees", ["completion", "tools", "vision"]), ("thinks", ["completion", "tools", "thinking"]),
                        ("class:fast", ["completion", "tools"]),
                    ] {
                        let shown = try await gateway.send(#"{"model":"\#(model)"}"#, "POST", "/api/show")
                        #expect(try shown.json()["capabilities"] as? [String] == capabilities, "\(model)")
                    }
                }
            }
        }
    }
}
