import Foundation
import Scheduling
import Settings
import SimpleAICore
import StandIn
import Testing

@testable import ControlPlane
@testable import DataPlane
@testable import Gateway
@testable import LocalFleet

extension Integration {
    /// New settings while calls run: they apply to new calls and leave calls in progress unchanged.
    @Suite struct ReloadTests {
        private typealias Engine = ScriptedEngine

        /// Sends the first event of a stream, and the rest when `mayGoOn` is true.
        private static func stream(until mayGoOn: Watched<Bool>) -> Engine.Script {
            { request, wire in
                guard request.body.contains("\"stream\":true") else {
                    return try await Engine.wellBehaved(request, wire)
                }
                let events = Engine.events()
                try await wire.send(Engine.streamHead + Engine.chunk(events[0]))
                _ = try await mayGoOn.value { $0 }
                try await wire.send(Engine.chunk(events.dropFirst().joined()) + Engine.lastChunk)
            }
        }

        @Test func anotherCertificateUnderOpenStreams() async throws {
            let mayGoOn = Watched(false)
            let other = Settings.ServerTLS(try StandInCertificate(.ofAuthority))
            try await withHTTP2(Self.stream(until: mayGoOn)) { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                try await wire.read(until: "t0")
                let client = try await gateway.connectHTTP2()
                let stream = try await client.send(gateway.head(), body: RunningGateway.chat(stream: true))
                try await stream.read(until: "t0")
                let before = try await wire.certificate()

                try gateway.reload { $0.server.tls = other }
                let new = try await gateway.connect()
                try await new.send(gateway.request(RunningGateway.chat()))
                #expect(try await new.response().status == 200)
                #expect(try await new.certificate() != before)
                // A connection keeps the settings that it was opened with, and continues to serve.
                let beside = try await client.send(gateway.head(), body: RunningGateway.chat())
                #expect(try await beside.response().status == 200)

                mayGoOn.update { $0 = true }
                for response in [try await wire.response(), try await stream.response()] {
                    #expect(response.text == Engine.events().joined() && response.endedCleanly)
                }
                #expect(try await wire.certificate() == before)
                for wire in [wire, new] { await wire.close() }
                await client.close()
            }
        }

        @Test func aKeyOfAnotherCertificateChangesNothing() async throws {
            let (one, other) = (try StandInCertificate(.ofAuthority), try StandInCertificate(.ofAuthority))
            try await withHTTP2 { gateway, _ in
                do {
                    try gateway.reload {
                        $0.server.tls = .init(certificate: one.certificate, key: other.privateKey)
                        $0.classes = []
                    }
                    Issue.record("settings were taken over with a key that does not fit")
                } catch let error as GatewayStartError {
                    #expect(error.keys == ["server", "tls", "key"])
                }
                #expect(try await gateway.send(RunningGateway.chat("class:fast")).status == 200)
            }
        }

        @Test func runnersComeAndGoWhileTheyServe() async throws {
            let mayGoOn = Watched(false)
            try await withEngines([Self.stream(until: mayGoOn), Engine.wellBehaved]) { gateway, engines in
                try gateway.reload { $0.runners.removeLast() }
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                try await wire.read(until: "t0")
                #expect(engines[1].counts.value.requests.isEmpty)

                // The first runner is removed while it serves; a third one, with the second's engine, is added.
                try gateway.reload { settings in
                    settings.runners = [.at(engines[1].port, id: "r3")]
                }
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 200 && response["x-simpleai-runner"] == "r3")
                let fleet = try await gateway.get("/admin").text
                #expect(fleet.contains("\"r3\"") && !fleet.contains("\"r1\""))

                mayGoOn.update { $0 = true }
                let stream = try await wire.response()
                #expect(stream.endedCleanly && stream["x-simpleai-runner"] == "r1")
                await wire.close()
                try await gateway.settled()
            }
        }

        @Test func aRunnerThatMoves() async throws {
            try await withEngines([Engine.wellBehaved, Engine.wellBehaved]) { gateway, engines in
                try gateway.reload { $0.runners.removeLast() }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                try gateway.reload { $0.runners = [.at(engines[1].port, id: "r1")] }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                #expect(engines.map { $0.counts.value.requests.count } == [1, 1])
            }
        }

        @Test func classesAndLimits() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                #expect(try await gateway.send(RunningGateway.chat("class:new")).status == 404)
                #expect(try await gateway.send(RunningGateway.chat(), roles: []).status == 403)
                try gateway.reload {
                    $0.classes.append(.init(name: "new", models: ["m"]))
                    $0.server.maxBody = .kibibytes(1)
                    $0.errors.permissionDeniedStatus = 400
                    $0.expose.runner = .none
                }
                let response = try await gateway.send(RunningGateway.chat("class:new"))
                #expect(response.status == 200 && response["x-simpleai-runner"] == nil)
                let padding = String(repeating: "p", count: 2_000)
                #expect(try await gateway.send(RunningGateway.chat(more: "\"user\":\"\(padding)\",")).status == 413)
                #expect(try await gateway.send(RunningGateway.chat(), roles: []).status == 400)
            }
        }

        /// Both machines sleep; the class wakes the second one in addition since the reload.
        @Test func anotherSpeculativeWake() async throws {
            try await withTemporaryDirectory { directory in
                var engines: [Engine] = []
                for number in 1...2 { engines.append(try await Self.sleeper("\(directory)/woken\(number)")) }
                let ports = engines.map(\.port)
                try await running(engines) {
                    let runners = (1...2).map { number in
                        Settings.StaticRunner.at(ports[number - 1], id: RunnerID("r\(number)"), models: ["m"]) {
                            var target = Settings.WakeTarget(macs: [])
                            target.command = ["/usr/bin/touch", "\(directory)/woken\(number)"]
                            $0.wake = target
                        }
                    }
                    try await RunningGateway.with(runners, awaitRunners: false) { gateway in
                        _ = try await gateway.metrics { $0["simpleai_runners{state=\"down\"}"] == 2 }
                        try gateway.reload { $0.routing.speculativeWake["fast"] = ["r2"] }
                        #expect(try await gateway.send(RunningGateway.chat("class:fast"), roles: []).status == 200)
                        _ = try await gateway.metrics { $0["simpleai_wakes_total{outcome=\"awake\"}"] == 2 }
                        try await gateway.settled()
                    }
                }
            }
        }

        /// An engine behind a front end that responds with 502 until a file exists.
        private static func sleeper(_ woken: String) async throws -> Engine {
            let badGateway = Engine.document("{}", status: "502 Bad Gateway")
            @Sendable func isAwake() -> Bool { FileManager.default.fileExists(atPath: woken) }
            return try await Engine(probe: { _, wire in
                try await wire.send(isAwake() ? Engine.document("{\"data\":[{\"id\":\"m\"}]}") : badGateway)
            }) { request, wire in
                if isAwake() { return try await Engine.wellBehaved(request, wire) }
                try await wire.send(badGateway)
            }
        }

        @Test func aShorterQueue() async throws {
            try await withEngine(Engine.silent, runner: { $0.slots = 1 }) { gateway, engine in
                let wires = [try await gateway.connect(), try await gateway.connect()]
                for wire in wires { try await wire.send(gateway.request(RunningGateway.chat())) }
                _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == 1 }
                try gateway.reload { $0.routing.queueLength = 1 }
                let refused = try await gateway.send(RunningGateway.chat())
                #expect(try refused.error().code == "queue_full")
                for wire in wires { await wire.close() }
                try await gateway.settled()
                #expect(engine.counts.value.requests.count >= 1)
            }
        }

        /// Settings that need a restart keep their values while all others are applied.
        @Test func whatNeedsARestart() async throws {
            let certificate = Settings.ServerTLS(try StandInCertificate(.ofAuthority))
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                try gateway.reload {
                    $0.server.tls = certificate
                    $0.server.port = 1
                    $0.auth.issuers = []
                    $0.classes = [.init(name: "other", models: ["m"])]
                    $0.defaultClass = "other"
                }
                #expect(try await gateway.send(RunningGateway.chat("class:other")).status == 200)
                let settings = gateway.application.dataPlane.rules.settings
                #expect(settings.server.tls == nil && settings.server.port == 0)
                #expect(settings.auth.issuers.count == 1)
            }
        }

        /// Runners that registered through an agent are unaffected by the settings.
        @Test func runnersThatAreNotOfTheSettingsStay() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                gateway.application.scheduler.put(Runner(id: "agent", statedModels: ["a"]))
                try gateway.reload { $0.runners = [] }
                let runners = gateway.application.scheduler.snapshot().runners
                #expect(runners.map(\.runner.id) == ["agent"])
            }
        }

        @Test func noCallFailsWhileSettingsChange() async throws {
            try await withEngines([Engine.wellBehaved, Engine.wellBehaved, Engine.wellBehaved]) { gateway, engines in
                let responses = Watched<[Int]>([])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<6 {
                        group.addTask {
                            let wire = try await gateway.connect()
                            for turn in 0..<50 {
                                let body = RunningGateway.chat("class:fast", stream: (number + turn) % 2 == 0)
                                try await wire.send(gateway.request(body))
                                let response = try await wire.response()
                                responses.update { $0.append(response.endedCleanly ? response.status : 0) }
                            }
                            await wire.close()
                        }
                    }
                    group.addTask {
                        // Between two reloads, at least some calls.
                        for turn in 1...40 {
                            _ = try await responses.value { $0.count >= turn * 7 }
                            try gateway.reload { settings in
                                settings.runners.remove(at: turn % 3)
                                settings.runners[0].slots = 4 + turn % 5
                                settings.runners[1].id = turn % 2 == 0 ? "r9" : settings.runners[1].id
                                settings.routing.queueLength = 100 + turn
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let counts = responses.value
                #expect(counts.count == 300 && counts.allSatisfy { $0 == 200 }, "\(counts.filter { $0 != 200 })")
                try await gateway.settled()
                #expect(engines.allSatisfy { !$0.counts.value.requests.isEmpty })
            }
        }
    }
}
