import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// The operators' interface: metrics, model list, probes, restarts.
    @Suite struct OperationsTests {
        private typealias Engine = ScriptedEngine

        // MARK: Metrics

        @Test func metricsAreForLoopbackPeersOrTheToken() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let response = try await gateway.get("/metrics", token: "")
                #expect(response.status == 200)
                #expect(response["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
            }
        }

        @Test func metricsStateTheVersionOfTheProgram() async throws {
            try await RunningGateway.with([]) { gateway in
                let metrics = try await gateway.metrics { _ in true }
                #expect(metrics["simpleai_build_info{version=\"\(RunningGateway.version)\"}"] == 1)
            }
        }

        @Test func withAMetricsTokenOnlyTheTokenCounts() async throws {
            try await RunningGateway.with([], awaitRunners: false, { $0.metrics.token = "scraper" }) { gateway in
                for token in ["", "wrong", "scrape", "scraper1"] {
                    let response = try await gateway.get("/metrics", token: token)
                    #expect(response.status == 401)
                    #expect(try response.error().code == "invalid_api_key")
                    #expect(response["www-authenticate"] != nil)
                }
                #expect(try await gateway.get("/metrics", token: "scraper").status == 200)
            }
        }

        @Test func callsAreCountedByClassAndOutcome() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                _ = try await gateway.send(RunningGateway.chat())
                _ = try await gateway.send(RunningGateway.chat("class:fast"))
                _ = try await gateway.send(RunningGateway.chat("class:fast", stream: true))
                _ = try await gateway.send(RunningGateway.chat("class:\u{201C}made up\u{201D}"))
                _ = try await gateway.send(RunningGateway.chat(), token: "")
                _ = try await gateway.send("{")
                let metrics = try await gateway.metrics { $0["simpleai_calls_open"] == 0 }
                let expected = [
                    ("exact", "ok", 1), ("fast", "ok", 2), ("unknown", "model_not_found", 1),
                    ("none", "invalid_api_key", 1), ("none", "invalid_json", 1),
                ]
                for (requested, code, count) in expected {
                    let series = "simpleai_calls_total{class=\"\(requested)\",code=\"\(code)\"}"
                    #expect(metrics[series] == Double(count), "\(series)")
                }
                #expect(!metrics.text.contains("made up"), "what callers write must not make series")
                #expect(metrics["simpleai_events_relayed_total"] == 5)
            }
        }

        // MARK: Model list

        @Test func theModelListIsServedWhileAMachineHangs() async throws {
            let probes = Watched(0)
            let engine = try await ScriptedEngine(
                probe: { _, wire in
                    let number = probes.update {
                        $0 += 1
                        return $0
                    }
                    guard number == 1 else { return try await wire.isLeft() }
                    try await wire.send(Engine.document("{\"data\":[{\"id\":\"m\"},{\"id\":\"org/other:1b\"}]}"))
                }, Engine.silent)
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port)]) { gateway in
                    _ = try await probes.value { $0 >= 2 }
                    let call = try await gateway.connect()
                    try await call.send(gateway.request(RunningGateway.chat()))
                    let list = try await gateway.get("/v1/models")
                    #expect(list.status == 200)
                    let ids = (try list.json()["data"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
                    #expect(ids == ["class:fast", "m", "org/other:1b"])
                    for path in ["/v1/models/org/other:1b", "/v1/models/org%2Fother%3A1b", "/v1/models/class:fast"] {
                        #expect(try await gateway.get(path).status == 200, "\(path)")
                    }
                    #expect(try await gateway.get("/v1/models/none").status == 404)
                    await call.close()
                    try await gateway.settled()
                }
            }
        }

        // MARK: Probes

        /// Compared with an idle runner, so that no clock is needed. If the computer pauses for about half a probe
        /// interval, one probe passes; the other half allows for that.
        @Test func aRunnerThatServesCallsIsNotProbedMeanwhile() async throws {
            let (busy, idle) = (Watched(0), Watched(0))
            func engine(_ probes: Watched<Int>) async throws -> ScriptedEngine {
                try await ScriptedEngine(
                    probe: { _, wire in
                        probes.update { $0 += 1 }
                        try await wire.send(Engine.document("{\"data\":[]}"))
                    }, Engine.wellBehaved)
            }
            let engines = [try await engine(busy), try await engine(idle)]
            try await running(engines) {
                let runners = [
                    Settings.StaticRunner.at(engines[0].port, id: "busy", models: ["m"]),
                    .at(engines[1].port, id: "idle", models: ["other"]),
                ].map { runner in
                    var runner = runner
                    runner.probe.every = .milliseconds(400)
                    return runner
                }
                try await RunningGateway.with(runners) { gateway in
                    let before = (busy: busy.value, idle: idle.value)
                    let call = try await gateway.connect()
                    while idle.value < before.idle + 6 {
                        try await call.send(gateway.request(RunningGateway.chat()))
                        #expect(try await call.response().status == 200)
                    }
                    #expect(busy.value - before.busy <= 3)
                    // It is probed again once it is idle.
                    let served = busy.value
                    _ = try await busy.value { $0 > served }
                }
            }
        }

        // MARK: Memory

        @Test func bodiesAreBoundedOverAllCalls() async throws {
            try await withEngine(Engine.silent, settings: { $0.server.maxBuffered = .kibibytes(64) }) {
                gateway, engine in
                let body = RunningGateway.chat(more: "\"x\":\"\(String(repeating: "x", count: 40 << 10))\",")
                let first = try await gateway.connect()
                try await first.send(gateway.request(body))
                _ = try await engine.counts.value { $0.requests.count == 1 }
                let second = try await gateway.send(body)
                #expect(second.status == 503)
                #expect(try second.error().code == "queue_full")
                await first.close()
                try await gateway.settled()
            }
        }

        // MARK: State that survives a restart

        @Test func discoveredModelsOfASleepingMachineAreRememberedOverARestart() async throws {
            let mac = try #require(MACAddress("02:00:00:00:00:0a"))
            var options = MachineOptions(id: "r1", mac: mac, engine: EngineOptions(models: ["m", "found:7b"]))
            options.engine.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0)
            options.bootDelay = .milliseconds(50)
            try await withTemporaryDirectory { directory in
                try await running(VirtualMachine(options, logger: .silent)) { [options] machine in
                    let ports = try await machine.ports()
                    let runner = Settings.StaticRunner.at(ports.engine) {
                        $0.probe.timeout = .milliseconds(100)
                        $0.wake = Settings.WakeTarget(
                            macs: [options.mac], broadcast: "127.0.0.1", port: ports.powerSwitch)
                    }
                    let stateFile = directory + "/state.json"
                    try await RunningGateway.with([runner], stateFile: stateFile) { gateway in
                        let response = try await gateway.send(RunningGateway.chat("found:7b"))
                        #expect(response.status == 200)
                    }
                    try await machine.sleep()
                    try await RunningGateway.with([runner], awaitRunners: false, stateFile: stateFile) { gateway in
                        _ = try await gateway.metrics { $0["simpleai_runners{state=\"asleep\"}"] == 1 }
                        let list = try await gateway.get("/v1/models")
                        #expect(list.text.contains("\"id\":\"found:7b\""))
                        let response = try await gateway.send(RunningGateway.chat("found:7b"))
                        #expect(response.status == 200, "\(response.text)")
                        #expect(response["x-simpleai-wake"]?.contains("wake=") == true)
                    }
                }
            }
        }

        /// A model that was pulled while the gateway ran is remembered as well.
        @Test func aListThatChangesIsRemembered() async throws {
            let models = Watched(["m"])
            let engine = try await ScriptedEngine(
                probe: { _, wire in
                    let list = models.value.map { "{\"id\":\"\($0)\"}" }.joined(separator: ",")
                    try await wire.send(Engine.document("{\"data\":[\(list)]}"))
                }, Engine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([.at(engine.port)]) { gateway in
                    models.update { $0.append("pulled:1b") }
                    while !(try await gateway.get("/v1/models").text.contains("pulled:1b")) {
                        try Task.checkCancellation()
                    }
                    while !(try String(contentsOfFile: gateway.stateFile, encoding: .utf8).contains("pulled:1b")) {
                        _ = try await gateway.get("/health")
                    }
                }
            }
        }

        // MARK: Several event loops

        @Test func aGatewayMayHaveItsOwnEventLoops() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.server.eventLoops = 1 }) { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 200)
            }
        }
    }
}
