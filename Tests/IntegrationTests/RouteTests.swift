import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// `/v1/route` explains the placement of a call, over real sockets.
    @Suite struct RouteTests {
        private typealias Engine = ScriptedEngine

        private func route(
            _ gateway: RunningGateway, _ body: String = RunningGateway.chat(), token: String? = nil,
            roles: [Role] = ["model:specific"]
        ) async throws -> Response {
            try await gateway.send(body, "POST", "/v1/route", token: token, roles: roles)
        }

        @Test func reportsTheServingRunnerAndRunsNothing() async throws {
            try await withEngines([Engine.wellBehaved, Engine.wellBehaved]) { gateway, engines in
                let response = try await route(gateway)
                #expect(response.status == 200)
                let document = try response.json()
                #expect(document["object"] as? String == "route")
                #expect(document["outcome"] as? String == "served")
                #expect(document["serves"] as? String == "m")
                let candidates = try #require(document["candidates"] as? [[String: Any]])
                #expect(candidates.map { $0["rank"] as? Int } == [1, 2])
                #expect(candidates.allSatisfy { $0["reason"] as? String == "free" })
                // The runner that it names is the runner that a call gets.
                let served = try await gateway.send(RunningGateway.chat())
                #expect(served["x-simpleai-runner"] == document["runner"] as? String)
                #expect(engines.map { $0.counts.value.requests.count }.reduce(0, +) == 1)
                try await gateway.settled()
            }
        }

        @Test func hasTheRightsOfACall() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                for (body, token, roles) in [
                    (RunningGateway.chat(), "", []), (RunningGateway.chat("m"), nil, []),
                    (RunningGateway.chat("class:none"), nil, []), ("{", nil, []), ("{\"model\":\"m\"}", nil, []),
                ] as [(String, String?, [Role])] {
                    let told = try await route(gateway, body, token: token, roles: roles)
                    let real = try await gateway.send(body, token: token, roles: roles)
                    #expect(told.status == real.status, "\(body)")
                    #expect(try told.error().code == real.error().code, "\(body)")
                }
                #expect(try await gateway.send("", "GET", "/v1/route").status == 405)
            }
        }

        /// A call that no engine serves at its endpoint is explained as it is answered.
        @Test func explainsTheEndpointOfACall() async throws {
            try await withEngine(
                Engine.wellBehaved, runner: { $0.endpoints = [.transcriptions, .embeddings] }
            ) { gateway, engine in
                for (endpoint, outcome) in [
                    (#""endpoint":"embeddings""#, "served"), (#""endpoint":"/v1/audio/transcriptions""#, "served"),
                    (#""endpoint":"chat/completions""#, "refused"),
                    (#""endpoint":"api/chat","messages":[]"#, "refused"),
                    (#""messages":[]"#, "refused"), (#""endpoint":null,"messages":[]"#, "refused"),
                ] {
                    let response = try await route(gateway, "{\"model\":\"m\",\(endpoint)}")
                    #expect(response.status == 200, "\(endpoint)")
                    let document = try response.json()
                    #expect(document["outcome"] as? String == outcome, "\(endpoint)")
                    let candidates = try #require(document["candidates"] as? [[String: Any]])
                    #expect(
                        candidates.map { $0["reason"] as? String } == [outcome == "served" ? "free" : "lacks_endpoint"])
                    #expect(document["status"] as? Int == (outcome == "served" ? nil : 501), "\(endpoint)")
                }
                let embeddings = try await route(gateway, #"{"model":"m","endpoint":"embeddings"}"#).json()
                #expect(embeddings["endpoint"] as? String == "/v1/embeddings")
                for endpoint in ["\"chat\"", "5", "\"/admin\""] {
                    let refused = try await route(gateway, "{\"model\":\"m\",\"endpoint\":\(endpoint)}")
                    #expect(refused.status == 400)
                    #expect(try refused.error().param == "endpoint")
                }
                let real = try await gateway.send(
                    RunningGateway.chat("m"), fields: ["x-simpleai-explain: 1"], roles: ["admin"])
                #expect(real.status == 501)
                #expect(real["x-simpleai-explain"]?.hasPrefix("refused; r1=lacks_endpoint") == true)
                #expect(engine.counts.value.requests.isEmpty)
                try await gateway.settled()
            }
        }

        private static func change(_ settings: inout Settings) {
            settings.classes = [.init(name: "fast", models: ["m"]), .init(name: "big", models: ["m"])]
            settings.policies = [
                AccessGrant(roles: nil, classes: ["fast"], mayWake: false),
                AccessGrant(
                    roles: ["staff", "a+b&c=d"], classes: ["b*"], priority: Priority(level: 2),
                    limits: GrantedLimits(tokensPerDay: 5000)),
            ]
            settings.limits.caller = CallLimits(requestsPerMinute: 600)
        }

        private func access(_ response: Response) throws -> [String: Any] {
            try #require(try response.json()["access"] as? [String: Any])
        }

        @Test func adminsAskForOtherRoles() async throws {
            try await withEngine(Engine.wellBehaved, settings: { Self.change(&$0) }) { gateway, _ in
                for (query, field, roles, outcome, ruling, policy) in [
                    ("?as_role=staff", "class:big", ["staff"], "served", "granted", 1),
                    ("?as_role=staff", "class:fast", ["staff"], "served", "granted", 0),
                    ("?as_role=student&as_role=staff", "class:big", ["student", "staff"], "served", "granted", 1),
                    ("?as_role=student", "class:big", ["student"], "refused", "not_granted", nil),
                    ("?as_role=", "class:big", [], "refused", "not_granted", nil),
                    ("?as_role=", "class:fast", [], "served", "granted", 0),
                    ("?as_role=a%2Bb%26c%3Dd", "class:big", ["a+b&c=d"], "served", "granted", 1),
                    ("?as_role=staff", "class:bare", ["staff"], "refused", "granted", 1),
                    ("?as_role=admin", "class:big", ["admin"], "served", "administrator", nil),
                    ("?as_role=model:specific", "m", ["model:specific"], "served", "specific_models", nil),
                    ("", "class:big", ["admin"], "served", "administrator", nil),
                ] as [(String, String, [Role], String, String, Int?)] {
                    let response = try await gateway.send(
                        RunningGateway.chat(field), "POST", "/v1/route" + query, roles: ["admin"])
                    #expect(response.status == 200)
                    let told = try response.json()
                    #expect(told["outcome"] as? String == outcome, "\(query) \(field)")
                    let access = try access(response)
                    #expect(access["ruling"] as? String == ruling, "\(query) \(field)")
                    #expect(access["policy"] as? Int == policy, "\(query) \(field)")
                    // The explanation matches what a caller with these roles gets, in the list as well.
                    let real = try await gateway.send(RunningGateway.chat(field), roles: roles)
                    #expect(real.status == (outcome == "served" ? 200 : told["status"] as? Int), "\(query) \(field)")
                    let listed = try await gateway.get("/v1/models/\(field)", roles: roles).status == 200
                    #expect(listed == (outcome == "served"), "\(query) \(field)")
                }
                let staff = try await gateway.send(
                    RunningGateway.chat("class:big"), "POST", "/v1/route?as_role=staff&as_role=x", roles: ["admin"])
                let access = try access(staff)
                #expect(access["roles"] as? [String] == ["staff", "x"])
                #expect(access["by_roles"] as? [String] == ["staff"])
                #expect(access["may_wake"] as? Bool == true)
                #expect(access["priority"] as? Int == 2)
                let limits = try #require(access["limits"] as? [String: Any])
                #expect(limits["requests_per_minute"] as? Int == 600)
                #expect(limits["tokens_per_day"] as? Int == 5000)
                #expect(limits["concurrent_calls"] is NSNull)
                #expect(try staff.json()["priority"] as? Int == 2)
            }
        }

        @Test func onlyAdminsRequestOtherRoles() async throws {
            try await withEngine(Engine.wellBehaved, settings: { Self.change(&$0) }) { gateway, _ in
                for roles in [[], ["staff"], ["model:specific"]] as [[Role]] {
                    for query in ["?as_role=staff", "?as_role=", "?as_role=admin"] {
                        let response = try await gateway.send(
                            RunningGateway.chat("class:fast"), "POST", "/v1/route" + query, roles: roles)
                        #expect(response.status == 403, "\(roles) \(query)")
                        #expect(try response.error().code == "permission_denied")
                    }
                    let own = try await route(gateway, RunningGateway.chat("class:fast"), roles: roles)
                    #expect(own.status == 200)
                    #expect(try own.json()["access"] == nil)
                }
                let many = "?" + (0...100).map { "as_role=r\($0)" }.joined(separator: "&")
                let response = try await gateway.send(
                    RunningGateway.chat("class:fast"), "POST", "/v1/route" + many, roles: ["admin"])
                #expect(response.status == 400)
            }
        }

        @Test func reportsARefusal() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let document = try await route(gateway, RunningGateway.chat("unknown")).json()
                #expect(document["outcome"] as? String == "refused")
                #expect(document["status"] as? Int == 404)
                let error = try #require(document["error"] as? [String: Any])
                #expect(error["code"] as? String == "model_not_found")
            }
        }

        @Test func hidesRunnersWhereSettingsDo() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.expose.runner = .admin }) { gateway, _ in
                let hidden = try await route(gateway).text
                #expect(hidden.contains("\"outcome\":\"served\""))
                #expect(!hidden.contains("r1"))
                #expect(try await route(gateway, roles: ["admin"]).text.contains("\"runner\":\"r1\""))
            }
        }

        /// The address has no listener: the machine is unreachable before the first call.
        @Test func aSleepingMachineIsNotWokenByAsking() async throws {
            let mac = try #require(MACAddress("02:00:00:00:00:0b"))
            var options = MachineOptions(id: "r1", mac: mac, engine: EngineOptions(models: ["m"]))
            options.startsAsleep = true
            try await running(VirtualMachine(options, logger: .silent)) { machine in
                let ports = try await machine.ports()
                let runner = Settings.StaticRunner.at(ports.engine, models: ["m"]) {
                    $0.probe.timeout = .milliseconds(100)
                    $0.wake = Settings.WakeTarget(macs: [mac], broadcast: "127.0.0.1", port: ports.powerSwitch)
                }
                try await RunningGateway.with([runner], awaitRunners: false) { gateway in
                    _ = try await gateway.metrics { $0["simpleai_runners{state=\"asleep\"}"] == 1 }
                    let document = try await route(gateway).json()
                    #expect(document["outcome"] as? String == "waits_for_wake")
                    #expect(document["longest_wait_ms"] as? Int == 90_000)
                    let candidates = try #require(document["candidates"] as? [[String: Any]])
                    #expect(candidates.first?["would_be_woken"] as? Bool == true)
                    #expect(try await gateway.metrics { _ in true }["simpleai_magic_packets_total"] == 0)
                    #expect(machine.status.wakes == 0)
                }
            }
        }

        @Test func adminsGetTheReasonWithTheResponse() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let field = ["x-simpleai-explain: 1"]
                for stream in [false, true] {
                    let response = try await gateway.send(
                        RunningGateway.chat(stream: stream), fields: field, roles: ["admin"])
                    #expect(response.status == 200)
                    #expect(response["x-simpleai-explain"] == "served; r1=free rank=1 tier=0 load=0/8 loaded")
                }
                let refused = try await gateway.send(RunningGateway.chat("unknown"), fields: field, roles: ["admin"])
                #expect(refused["x-simpleai-explain"]?.hasPrefix("refused") == true)
                for (fields, roles) in [
                    (field, ["model:specific"]), ([], ["admin"]), (["x-simpleai-explain: 0"], ["admin"]),
                ]
                    as [([String], [Role])]
                {
                    let response = try await gateway.send(RunningGateway.chat(), fields: fields, roles: roles)
                    #expect(response.status == 200)
                    #expect(response["x-simpleai-explain"] == nil)
                }
            }
        }
    }
}
