import Foundation
import Logging
import Settings
import SimpleAICore
import TestSupport
import Testing

@testable import LocalFleet

extension Integration {
    /// `models.aliases` and `models.parameters`, over real sockets.
    @Suite struct ModelNamesTests {
        private typealias Engine = ScriptedEngine

        private static func change(_ settings: inout Settings) {
            settings.classes = [.init(name: "fast", models: ["m"]), .init(name: "big", models: ["none"])]
            settings.models.aliases = [
                ModelAlias("gpt-4o*", target: .byClass("fast"), isListed: false),
                ModelAlias("claude-*-haiku", target: .byClass("fast"), keepsName: true),
                ModelAlias("claude-*", target: .byClass("big")), ModelAlias("exact", target: .exactly("m")),
                ModelAlias("listed", target: .byClass("fast"), isListed: true, displayName: "Listed"),
                ModelAlias("m", target: .byClass("big")),
            ]
            settings.models.parameters = [
                ModelParameters(
                    "class:fast", edits([("temperature", "0.5"), ("seed", "7")], max: [("max_tokens", "64")])),
                ModelParameters(
                    "gpt-4o-mini*",
                    edits(force: [("chat_template_kwargs.enable_thinking", "false")], remove: ["logit_bias"])),
            ]
        }

        @Test func anAliasIsServedByItsTarget() async throws {
            try await withEngine(Engine.wellBehaved, settings: { Self.change(&$0) }) { gateway, engine in
                // The caller has no right to exact ids; the class is open to every caller.
                let response = try await gateway.send(RunningGateway.chat("gpt-4o-2024"), roles: [])
                #expect(response.status == 200 && response["x-simpleai-model"] == "m")
                #expect(try response.json()["model"] as? String == "m")
                #expect(try engine.request(0).body.contains("\"model\":\"m\""))
            }
        }

        @Test func anAliasKeepsItsNameWhereTheSettingsSaySo() async throws {
            try await withEngine(Engine.wellBehaved, settings: { Self.change(&$0) }) { gateway, engine in
                let document = try await gateway.send(RunningGateway.chat("claude-3-haiku"), roles: [])
                #expect(try document.json()["model"] as? String == "claude-3-haiku")
                #expect(document["x-simpleai-model"] == "m")
                let stream = try await gateway.send(RunningGateway.chat("claude-3-haiku", stream: true), roles: [])
                #expect(stream.events.count > 2)
                for event in stream.events.dropLast() { #expect(event.contains("\"model\":\"claude-3-haiku\"")) }
                #expect(try engine.request(1).body.contains("\"model\":\"m\""))
            }
        }

        @Test func theRightsAreThoseOfTheTarget() async throws {
            try await withEngine(Engine.wellBehaved, settings: { Self.change(&$0) }) { gateway, engine in
                let denied = try await gateway.send(RunningGateway.chat("exact"), roles: [])
                #expect(denied.status == 403)
                #expect(try await gateway.send(RunningGateway.chat("exact")).status == 200)
                #expect(try await gateway.send(RunningGateway.chat("unknown")).status == 404)
                // The model exists, so the alias of the same name has no effect.
                #expect(try await gateway.send(RunningGateway.chat("m")).status == 200)
                #expect(engine.counts.value.requests.count == 2)
            }
        }

        @Test func theMetricsAndTheAccessLogNameTheTarget() async throws {
            let requested = Watched<[String]>([])
            let logger = Logger.observed { event in
                guard event.message == "Call completed", let value = event.metadata["requested"] else { return }
                requested.update { $0.append(value) }
            }
            let engine = try await Engine(Engine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port)], logger: logger, { Self.change(&$0) }) { gateway in
                    #expect(try await gateway.send(RunningGateway.chat("gpt-4o-2024"), roles: []).status == 200)
                    #expect(try await requested.value { !$0.isEmpty } == ["class:fast"])
                    let metrics = try await gateway.metrics { $0["simpleai_calls_open"] == 0 }
                    #expect(metrics.text.contains("class=\"fast\""))
                    #expect(!metrics.text.contains("gpt-4o"))
                }
            }
        }

        @Test func parametersChangeTheBodyForTheChosenModel() async throws {
            try await withEngine(Engine.wellBehaved, settings: { Self.change(&$0) }) { gateway, engine in
                func body(_ model: String, _ more: String, roles: [Role] = []) async throws -> [String: Any] {
                    let index = engine.counts.value.requests.count
                    let body = RunningGateway.chat(model, more: more)
                    #expect(try await gateway.send(body, roles: roles).status == 200)
                    let received = try engine.request(index)
                    #expect(received["content-length"] == "\(received.body.utf8.count)")
                    #expect(received.body.contains(#""messages":[{"role":"user","content":"hi"}]"#))
                    return try JSONSerialization.jsonObject(with: Data(received.body.utf8)) as? [String: Any] ?? [:]
                }
                let byClass = try await body("class:fast", #""Temperature":0.1,"max_tokens":100,"logit_bias":{},"#)
                #expect(byClass["Temperature"] as? Double == 0.1 && byClass["temperature"] == nil)
                #expect(byClass["seed"] as? Int == 7 && byClass["max_tokens"] as? Int == 64)
                #expect(byClass["logit_bias"] != nil && byClass["chat_template_kwargs"] == nil)

                let alias = try await body("gpt-4o-mini-2", #""logit_bias":{"1":2},"chat_template_kwargs":{"x":1},"#)
                #expect(alias["temperature"] as? Double == 0.5 && alias["logit_bias"] == nil)
                let template = alias["chat_template_kwargs"] as? [String: Any]
                #expect(template?["enable_thinking"] as? Bool == false && template?["x"] as? Int == 1)

                let exact = try await body("m", #""max_tokens":100,"#, roles: ["model:specific"])
                #expect(exact["max_tokens"] as? Int == 100 && exact["seed"] == nil, "no entry matches")
            }
        }

        @Test func aReloadChangesAliasesAndParameters() async throws {
            try await withEngine(Engine.wellBehaved, settings: { Self.change(&$0) }) { gateway, engine in
                #expect(try await gateway.send(RunningGateway.chat("new-name")).status == 404)
                try gateway.reload {
                    $0.models.aliases = [ModelAlias("new-*", target: .byClass("fast"))]
                    $0.models.parameters = [ModelParameters("m", edits(force: [("seed", "9")]))]
                }
                #expect(try await gateway.send(RunningGateway.chat("new-name"), roles: []).status == 200)
                #expect(try engine.request(0).body.contains("\"seed\":9"))
                #expect(try await gateway.send(RunningGateway.chat("gpt-4o")).status == 404)
                #expect(try await gateway.get("/v1/models/new-name").status == 200)
            }
        }

        // MARK: Explanations

        @Test func anExplanationNamesTheAliasAndTheParameters() async throws {
            try await withEngine(Engine.wellBehaved, settings: { Self.change(&$0) }) { gateway, _ in
                let body = RunningGateway.chat("gpt-4o-mini")
                let admin = try await gateway.send(body, "POST", "/v1/route", roles: ["admin"]).json()
                #expect(admin["model"] as? String == "class:fast")
                let alias = admin["alias"] as? [String: Any]
                #expect(alias?["name"] as? String == "gpt-4o-mini" && alias?["pattern"] as? String == "gpt-4o*")
                #expect(alias?["target"] as? String == "class:fast" && alias?["keep_name"] as? Bool == false)
                let parameters = admin["parameters"] as? [[String: Any]] ?? []
                #expect(parameters.map { $0["pattern"] as? String } == ["gpt-4o-mini*", "class:fast"])
                #expect((parameters.last?["max"] as? [String: Any])?["max_tokens"] as? Int == 64)
                #expect(
                    parameters.first?["summary"] as? String
                        == "remove logit_bias; force chat_template_kwargs.enable_thinking=false")

                let plain = try await gateway.send(body, "POST", "/v1/route", roles: []).json()
                #expect(plain["alias"] != nil && plain["parameters"] == nil)
                let none = try await gateway.send(RunningGateway.chat("m"), "POST", "/v1/route", roles: ["admin"])
                    .json()
                #expect(none["alias"] == nil && (none["parameters"] as? [Any])?.isEmpty == true)
                let refused = try await gateway.send(
                    RunningGateway.chat("exact"), "POST", "/v1/route?as_role=guest", roles: ["admin"]
                ).json()
                #expect(refused["outcome"] as? String == "refused" && refused["alias"] != nil)

                let call = try await gateway.send(body, fields: ["x-simpleai-explain: 1"], roles: ["admin"])
                #expect(
                    call["x-simpleai-explain"]?.hasPrefix(
                        "served; alias=gpt-4o* for class:fast; parameters=gpt-4o-mini* class:fast; r1=free ") == true,
                    "\(call["x-simpleai-explain"] ?? "")")
            }
        }

        // MARK: Lists

        @Test func theListsHaveTheFormsOfTheirClients() async throws {
            let probe: Engine.Script = { _, wire in
                try await wire.send(
                    Engine.document(
                        #"{"data":[{"id":"m","max_model_len":4096,"capabilities":["completion","tools"]}]}"#))
            }
            let engine = try await Engine(probe: probe, Engine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port)], { Self.change(&$0) }) { gateway in
                    let list = try await gateway.get("/v1/models", roles: []).json()
                    let data = list["data"] as? [[String: Any]] ?? []
                    let entry = data.first { $0["id"] as? String == "listed" }
                    #expect(entry?["display_name"] as? String == "Listed" && entry?["context_length"] as? Int == 4_096)
                    #expect(entry?["max_model_len"] as? Int == 4_096)
                    #expect(entry?["capabilities"] as? [String] == ["chat", "tools"])
                    let codex = list["models"] as? [[String: Any]] ?? []
                    #expect(codex.map { $0["slug"] as? String } == data.map { $0["id"] as? String })
                    #expect(codex.last?["context_window"] as? Int == 4_096)

                    let version = ["anthropic-version: 2023-06-01"]
                    let page = try await gateway.get(
                        "/v1/models?limit=1&after_id=class:big", fields: version, roles: [])
                    #expect(page.status == 200)
                    #expect(try page.json()["last_id"] as? String == "listed")
                    #expect(try page.json()["has_more"] as? Bool == false)
                    let models = try #require(page.json()["data"] as? [[String: Any]])
                    #expect(models.map { $0["lifecycle"] as? String } == ["active"])
                    let one = try await gateway.get("/v1/models/claude-3-haiku", fields: version, roles: []).json()
                    #expect(one["type"] as? String == "model" && one["id"] as? String == "claude-3-haiku")
                    #expect(one["max_input_tokens"] as? Int == 4_096 && one["lifecycle"] as? String == "active")
                    let invalid = try await gateway.get("/v1/models?limit=0", fields: version)
                    #expect(invalid.status == 400)
                }
            }
        }
    }
}
