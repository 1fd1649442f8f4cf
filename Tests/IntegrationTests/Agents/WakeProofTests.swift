import Foundation
import NIOHTTP1
import RunnerProtocol
import Settings
import SimpleAICore
import Testing
import WebSocketTransport

@testable import LocalFleet

extension Integration {
    /// Wakes of machines whose real agents join when they are up, and every failure on the way.
    @Suite struct WakeProofTests {
        /// A machine that has joined, and has then been put to sleep by its owner.
        private func asleep(
            machine: @escaping @Sendable (inout MachineOptions) -> Void = { _ in },
            settings: @escaping @Sendable (inout Settings) -> Void = { _ in },
            _ body: @escaping @Sendable (JoinedMachine) async throws -> Void
        ) async throws {
            try await JoinedMachine.with(models: ["m"], loading: nil, machine: machine, settings: settings) { fleet in
                try await fleet.machine.sleep()
                try await fleet.gateway.await(.asleep, 1)
                try await body(fleet)
            }
        }

        @Test func theFirstThreePacketsMayGetLost() async throws {
            try await asleep {
                $0.faults.lostPackets = 3
            } settings: {
                $0.wake.schedule = [0, 50, 100, 150].map { .milliseconds($0) }
            } _: { fleet in
                let response = try await fleet.gateway.send(RunningGateway.chat())
                #expect(response.status == 200)
                #expect(response["x-simpleai-wake"]?.contains("; wake=") == true)
                #expect(fleet.machine.status.packetsForThisMachine >= 4)
                #expect(fleet.machine.status.wakes == 1)
                try await fleet.gateway.settled()
            }
        }

        @Test func aHundredCallsAreOneWake() async throws {
            try await asleep(machine: { $0.bootDelay = .milliseconds(1500) }) { fleet in
                let gateway = fleet.gateway
                let responses = try await withThrowingTaskGroup(of: Response.self) { group in
                    for number in 0..<100 {
                        let body = RunningGateway.chat("class:fast", stream: number % 2 == 0)
                        group.addTask { try await gateway.send(body, roles: []) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(responses.count == 100)
                #expect(responses.allSatisfy { $0.status == 200 && $0.endedCleanly && !$0.text.contains("\"error\"") })
                #expect(responses.count { $0.text.hasSuffix("data: [DONE]\n\n") } == 50)
                // Calls that arrived after the machine was up have not waited for a wake.
                let waited = responses.compactMap { $0["x-simpleai-wake"] }.filter { $0 != "none" }
                #expect(Set(waited.compactMap { $0.components(separatedBy: "wake=").last }).count == 1, "\(waited)")
                #expect(fleet.machine.status.wakes == 1)
                let metrics = try await gateway.metrics { $0["simpleai_wakes_total{outcome=\"awake\"}"] == 1 }
                #expect(metrics["simpleai_wakes_total{outcome=\"failed\"}"] == 0)
                try await gateway.settled()
            }
        }

        @Test func reportsAMachineThatNeverBoots() async throws {
            try await asleep(
                machine: { $0.faults.neverBoots = true }, settings: { $0.wake.timeout = .milliseconds(400) }
            ) {
                fleet in
                let response = try await fleet.gateway.send(RunningGateway.chat())
                #expect(response.status == 504)
                #expect(try response.error().code == "wake_timeout")
                #expect(response["retry-after"].flatMap { Int($0) }.map { (1...60).contains($0) } == true)
                #expect(fleet.machine.status.phase == .booting)
                try await fleet.gateway.settled()
            }
        }

        /// One machine hangs in its boot, or comes up without the model: the other machine with the model is woken
        /// and serves.
        @Test(arguments: [true, false])
        func anotherMachineIsTried(hangs: Bool) async throws {
            var options = LocalFleet.Options.of(machines: 3, asleep: 2)
            options.wakeTimeout = .milliseconds(1500)
            options.prefer = ["big": ["first"]]
            options.forEachMachine { $0.bootDelay = .milliseconds(20) }
            options.machines[1].machineType = "first"
            if hangs {
                options.machines[1].faults.neverBoots = true
            } else {
                options.machines[1].modelsAfterBoot = ["other:1b"]
            }
            try await LocalFleet.withRunning(options, logger: .silent) { fleet in
                let body = RunningGateway.chat("class:big")
                let response = try await LoopbackClient.send(
                    .POST, fleet.url + "/v1/chat/completions",
                    [("authorization", "Bearer \(fleet.tokens.basic)"), ("content-type", "application/json")],
                    Array(body.utf8))
                #expect(response.status == 200, "\(String(decoding: response.body, as: UTF8.self))")
                #expect(fleet.machines[1].status.packetsForThisMachine > 0, "the troubled one was to be woken first")
                #expect(fleet.machines[1].status.phase == (hangs ? .booting : .awake))
                #expect(fleet.machines[2].status.wakes == 1)
            }
        }

        /// Neither another agent nor the machine itself releases the call before it has the model that the call waits
        /// for.
        @Test func aRunnerWithoutTheModelReleasesNoWaiter() async throws {
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with([], awaitRunners: false) { settings in
                    settings.fleet.token = ScriptedAgent.token
                    settings.fleet.gracePeriod = .milliseconds(50)
                    settings.wake.broadcast = "127.0.0.1"
                    settings.wake.timeout = .seconds(60)
                } _: { gateway in
                    func join(_ id: RunnerID, _ models: [String]) async throws -> ScriptedAgent {
                        try await ScriptedAgent.join(
                            gateway, as: id, port: engine.port, status: ScriptedAgent.status(models)
                        ) { $0.macAddress = MACAddress("02:53:41:49:00:01") }
                    }
                    let before = try await join("a", ["m"])
                    try await gateway.await(.ready, 1)
                    before.connection.close()
                    try await gateway.await(.asleep, 1)

                    let call = try await gateway.connect()
                    try await call.send(gateway.request(RunningGateway.chat()))
                    _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == 1 }
                    let other = try await join("b", ["other"])
                    try await gateway.await(.ready, 1)
                    let back = try await join("a", ["other"])
                    // Both statuses have been acknowledged, so the gateway knows their models.
                    let metrics = try await gateway.metrics { $0["simpleai_agents_connected"] == 2 }
                    #expect(metrics["simpleai_calls_waiting"] == 1)
                    #expect(metrics["simpleai_runners{state=\"waking\"}"] == 1)
                    #expect(engine.counts.value.requests.isEmpty)

                    back.say(.statusUpdate(ScriptedAgent.status(["m"])))
                    let response = try await call.response()
                    #expect(response.status == 200)
                    #expect(response["x-simpleai-runner"] == "a")
                    await call.close()
                    other.connection.close()
                    back.connection.close()
                    try await gateway.settled()
                }
            }
        }
    }
}
