import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Why a call goes where it goes, over real sockets.
    @Suite struct RouteTests {
        private typealias Engine = ScriptedEngine

        private func route(
            _ gateway: RunningGateway, _ body: String = RunningGateway.chat(), token: String? = nil,
            roles: [Role] = ["model:specific"]
        ) async throws -> Answer {
            try await gateway.send(body, "POST", "/v1/route", token: token, roles: roles)
        }

        @Test func tellsWhoWouldServeAndRunsNothing() async throws {
            try await withEngines([Engine.wellBehaved, Engine.wellBehaved]) { gateway, engines in
                let answer = try await route(gateway)
                #expect(answer.status == 200)
                let document = try answer.json()
                #expect(document["object"] as? String == "route")
                #expect(document["outcome"] as? String == "served")
                #expect(document["serves"] as? String == "m")
                let candidates = try #require(document["candidates"] as? [[String: Any]])
                #expect(candidates.map { $0["rank"] as? Int } == [1, 2])
                #expect(candidates.allSatisfy { $0["reason"] as? String == "free" })
                // The one that it names is the one that a call gets.
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

        @Test func tellsOfARefusal() async throws {
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

        /// Nobody listens there: the machine is gone before the first call.
        @Test func aSleepingMachineIsNotWokenByAsking() async throws {
            let mac = try #require(MACAddress("02:00:00:00:00:0b"))
            var options = MachineOptions(id: "r1", mac: mac, engine: EngineOptions(models: ["m"]))
            options.startsAsleep = true
            try await running(VirtualMachine(options, logger: .silent)) { machine in
                let ports = try await machine.ports()
                let runner = Settings.StaticRunner.at(ports.engine, models: ["m"]) {
                    $0.probe.timeout = .milliseconds(100)
                    $0.wake = Settings.WakeTarget(mac: mac, broadcast: "127.0.0.1", port: ports.powerSwitch)
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

        @Test func adminsGetTheReasonWithTheAnswer() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let field = ["x-simpleai-explain: 1"]
                for stream in [false, true] {
                    let answer = try await gateway.send(
                        RunningGateway.chat(stream: stream), fields: field, roles: ["admin"])
                    #expect(answer.status == 200)
                    #expect(answer["x-simpleai-explain"] == "served; r1=free rank=1 tier=0 load=0/8 loaded")
                }
                let refused = try await gateway.send(RunningGateway.chat("unknown"), fields: field, roles: ["admin"])
                #expect(refused["x-simpleai-explain"]?.hasPrefix("refused") == true)
                for (fields, roles) in [
                    (field, ["model:specific"]), ([], ["admin"]), (["x-simpleai-explain: 0"], ["admin"]),
                ]
                    as [([String], [Role])]
                {
                    let answer = try await gateway.send(RunningGateway.chat(), fields: fields, roles: roles)
                    #expect(answer.status == 200)
                    #expect(answer["x-simpleai-explain"] == nil)
                }
            }
        }
    }
}
