import Foundation
import NIOCore
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Calls that wait: for an engine's first event, for a slot, for a sleeping machine.
    @Suite struct WaitingTests {
        private typealias Engine = ScriptedEngine

        private static let impatient: @Sendable (inout Settings) -> Void = {
            $0.keepalive.after = .milliseconds(20)
            $0.keepalive.every = .milliseconds(20)
        }

        /// The comments and the events of a stream, in order.
        private func comments(_ response: Response) -> [String] { response.events.filter { $0.hasPrefix(":") } }

        @Test func aStreamIsKeptAliveBeforeItsEngineResponds() async throws {
            let mayRespond = Watched(false)
            try await withEngine(
                { request, wire in
                    _ = try await mayRespond.value { $0 }
                    try await Engine.wellBehaved(request, wire)
                }, settings: Self.impatient
            ) { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true), fields: ["X-Request-Id: early"]))
                let early = try await wire.peek { $0.events.count >= 4 }
                #expect(early.status == 200)
                #expect(early["content-type"] == "text/event-stream" && early["x-accel-buffering"] == "no")
                #expect(early["x-request-id"] == "early")
                #expect(early.events.allSatisfy { $0.hasPrefix(": ") })
                mayRespond.update { $0 = true }
                let response = try await wire.response()
                #expect(response.endedCleanly)
                #expect(response.events.filter { !$0.hasPrefix(":") } == Engine.events())
                #expect(comments(response).filter { $0.hasPrefix(": served by r1 m waited ") }.count == 1)
                #expect(comments(response).filter { $0.hasPrefix(": waiting") }.count >= 2)
                #expect(!response.text.contains("\nid:") && !response.text.contains("\nevent:"))
                await wire.close()
                try await gateway.settled()
            }
        }

        @Test func aGapBetweenEventsIsFilledAndAnEventNeverTorn() async throws {
            let mayGoOn = Watched(false)
            let events = Engine.events()
            try await withEngine(
                { _, wire in
                    // Half an event, and then a pause.
                    try await wire.send(Engine.streamHead + Engine.chunk(events[0] + events[1].dropLast(20)))
                    _ = try await mayGoOn.value { $0 }
                    try await wire.send(
                        Engine.chunk(events[1].suffix(20) + events.dropFirst(2).joined()) + Engine.lastChunk)
                }, settings: Self.impatient
            ) { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                let soFar = try await wire.peek { response in
                    response.events.firstIndex(of: events[0]).map { response.events.count - $0 > 3 } ?? false
                }
                #expect(soFar.events.filter { !$0.hasPrefix(":") } == [events[0]])
                mayGoOn.update { $0 = true }
                let response = try await wire.response()
                #expect(response.events.filter { !$0.hasPrefix(":") } == events)
                await wire.close()
            }
        }

        @Test func aDocumentIsNotKeptAlive() async throws {
            let mayRespond = Watched(false)
            try await withEngine(
                { request, wire in
                    _ = try await mayRespond.value { $0 }
                    try await Engine.wellBehaved(request, wire)
                }, settings: Self.impatient
            ) { gateway, _ in
                let document = try await gateway.connect()
                try await document.send(gateway.request(RunningGateway.chat()))
                let stream = try await gateway.connect()
                try await stream.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await stream.peek { $0.events.count >= 3 }
                #expect(document.state.value.total == 0)
                mayRespond.update { $0 = true }
                #expect(try await document.response().text == Engine.completion())
                await stream.close()
            }
        }

        @Test func afterTheHeadAFailureIsInBand() async throws {
            let mayRespond = Watched(false)
            try await withEngine(
                { _, wire in
                    _ = try await mayRespond.value { $0 }
                    try await wire.send(Engine.document("{\"error\":{\"message\":\"x\"}}", status: "400 Bad Request"))
                }, settings: Self.impatient
            ) { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await wire.peek { $0.events.count >= 1 }
                mayRespond.update { $0 = true }
                let response = try await wire.response()
                #expect(response.status == 200)
                #expect(response.events.last?.hasPrefix("data: {\"error\":{") == true)
                #expect(!response.text.contains("[DONE]"))
                try await wire.isLeft()
                try await gateway.settled()
            }
        }

        /// The runner's name is withheld there, from headers and comments alike.
        @Test func aCommentKeepsTheSecretThatHeadersKeep() async throws {
            let mayRespond = Watched(false)
            try await withEngine(
                { request, wire in
                    _ = try await mayRespond.value { $0 }
                    try await Engine.wellBehaved(request, wire)
                },
                settings: {
                    Self.impatient(&$0)
                    $0.expose.runner = .none
                }
            ) { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await wire.peek { $0.events.count >= 2 }
                mayRespond.update { $0 = true }
                let response = try await wire.response()
                #expect(comments(response).allSatisfy { !$0.contains("r1") }, "\(comments(response))")
                #expect(comments(response).contains { $0.hasPrefix(": served waited ") }, "\(comments(response))")
                await wire.close()
            }
        }

        // MARK: The queue

        @Test func aCallWaitsForASlotAndGetsIt() async throws {
            let mayRespond = Watched(0)
            try await withEngine(
                { request, wire in
                    let number = try #require(request["x-request-id"].flatMap { Int($0) })
                    _ = try await mayRespond.value { $0 >= number }
                    try await Engine.wellBehaved(request, wire)
                }, runner: { $0.slots = 1 }
            ) { gateway, engine in
                let wires = try await withThrowingTaskGroup(of: Void.self) { _ in
                    var wires: [Wire] = []
                    for number in 1...4 {
                        let wire = try await gateway.connect()
                        try await wire.send(gateway.request(RunningGateway.chat(), fields: ["X-Request-Id: \(number)"]))
                        _ = try await gateway.metrics { $0["simpleai_calls_open"] == Double(number) }
                        wires.append(wire)
                    }
                    return wires
                }
                for (index, wire) in wires.enumerated() {
                    mayRespond.update { $0 = index + 1 }
                    #expect(try await wire.response().status == 200, "first come, first served")
                }
                #expect(engine.counts.value.requests.compactMap { $0["x-request-id"] } == ["1", "2", "3", "4"])
                try await gateway.settled()
            }
        }

        private func expectQueueFull(_ response: Response) throws {
            #expect(response.status == 503)
            #expect(try response.error().code == "queue_full")
            #expect(response["retry-after"] != nil)
        }

        @Test func aFullQueueReturns503() async throws {
            try await withEngine(Engine.silent, runner: { $0.slots = 1 }, settings: { $0.routing.queueLength = 1 }) {
                gateway, engine in
                let first = try await gateway.connect()
                try await first.send(gateway.request(RunningGateway.chat()))
                _ = try await engine.counts.value { $0.requests.count == 1 }
                let second = try await gateway.connect()
                try await second.send(gateway.request(RunningGateway.chat()))
                _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == 1 }
                try expectQueueFull(try await gateway.send(RunningGateway.chat()))
                await second.close()
                await first.close()
                try await gateway.settled()
            }
        }

        @Test func aLongWaitReturns503() async throws {
            try await withEngine(
                Engine.silent, runner: { $0.slots = 1 },
                settings: {
                    $0.routing.queueTimeout = .milliseconds(50)
                }
            ) { gateway, engine in
                let first = try await gateway.connect()
                try await first.send(gateway.request(RunningGateway.chat()))
                _ = try await engine.counts.value { $0.requests.count == 1 }
                for _ in 1...3 { try expectQueueFull(try await gateway.send(RunningGateway.chat())) }
                await first.close()
                try await gateway.settled()
            }
        }

        // MARK: Machines that sleep

        private func machine(
            isPowerCut: Bool = false,
            _ body: @escaping @Sendable (VirtualMachine, Settings.StaticRunner) async throws -> Void
        ) async throws {
            let mac = try #require(MACAddress("02:00:00:00:00:09"))
            var engine = EngineOptions(models: ["m"])
            engine.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0)
            engine.slots = 16
            var options = MachineOptions(id: "r1", mac: mac, engine: engine)
            options.startsAsleep = true
            options.bootDelay = .milliseconds(800)
            options.faults.isPowerCut = isPowerCut
            try await running(VirtualMachine(options, logger: .silent)) { machine in
                let ports = try await machine.ports()
                let runner = Settings.StaticRunner.at(ports.engine, models: ["m"], slots: 16) {
                    $0.probe.timeout = .milliseconds(100)
                    $0.wake = Settings.WakeTarget(macs: [mac], broadcast: "127.0.0.1", port: ports.powerSwitch)
                }
                try await body(machine, runner)
            }
        }

        private func asleep(_ gateway: RunningGateway) async throws {
            _ = try await gateway.metrics { $0["simpleai_runners{state=\"asleep\"}"] == 1 }
        }

        @Test func oneWakeServesAllWaitingCalls() async throws {
            try await machine { machine, runner in
                try await RunningGateway.with([runner], awaitRunners: false, Self.impatient) { gateway in
                    try await asleep(gateway)
                    #expect(try await gateway.get("/v1/models").text.contains("\"state\":\"asleep\""))
                    let responses = try await withThrowingTaskGroup(of: Response.self) { group in
                        for number in 0..<10 {
                            group.addTask {
                                try await gateway.send(RunningGateway.chat("class:fast", stream: number < 2), roles: [])
                            }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    var wakes: Set<String> = []
                    for response in responses {
                        #expect(response.status == 200 && response.endedCleanly)
                        if let header = response["x-simpleai-wake"] {
                            let parts = header.components(separatedBy: "; wake=")
                            #expect(parts.count == 2 && Int(parts[0]) ?? 0 > 0, "\(header)")
                            wakes.insert(parts.last ?? "")
                        } else {
                            let comment = try #require(comments(response).first { $0.contains(" wake=") })
                            #expect(comment.hasPrefix(": served by r1 m waited "))
                            wakes.insert(
                                comment.components(separatedBy: "wake=").last?.trimmingCharacters(in: .newlines) ?? "")
                            #expect(response.text.hasSuffix("data: [DONE]\n\n"))
                        }
                    }
                    #expect(wakes.count == 1, "\(wakes)")
                    #expect(machine.status.wakes == 1)
                    let metrics = try await gateway.metrics { $0["simpleai_wakes_total{outcome=\"awake\"}"] == 1 }
                    #expect(metrics["simpleai_wakes_total{outcome=\"failed\"}"] == 0)
                    try await gateway.settled()
                    #expect(try await gateway.send(RunningGateway.chat())["x-simpleai-wake"] == "none")
                }
            }
        }

        @Test func reportsInTimeThatAMachineDidNotWake() async throws {
            try await machine(isPowerCut: true) { _, runner in
                try await RunningGateway.with(
                    [runner], awaitRunners: false, { $0.wake.timeout = .milliseconds(400) }
                ) { gateway in
                    try await asleep(gateway)
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 504)
                    #expect(try response.error().code == "wake_timeout")
                    let retryAfter = try #require(response["retry-after"].flatMap { Int($0) })
                    #expect((1...60).contains(retryAfter))
                    // The failed wake is not retried at once.
                    let next = try await gateway.send(RunningGateway.chat())
                    #expect(next.status == 503)
                    #expect(try next.error().code == "wake_failed")
                    #expect(next["retry-after"] != nil)
                    try await gateway.settled()
                }
            }
        }

        @Test func aClientMayLeaveWhileAMachineWakes() async throws {
            try await machine(isPowerCut: true) { _, runner in
                try await RunningGateway.with(
                    [runner], awaitRunners: false, { $0.wake.timeout = .seconds(3) }
                ) { gateway in
                    try await asleep(gateway)
                    for stream in [false, true] {
                        let wire = try await gateway.connect()
                        try await wire.send(gateway.request(RunningGateway.chat(stream: stream)))
                        _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == 1 }
                        if stream { try await wire.reset() } else { await wire.close() }
                        try await gateway.settled()
                    }
                    // The wake ends although no call waits for it any more.
                    _ = try await gateway.metrics { $0["simpleai_wakes_total{outcome=\"failed\"}"] == 1 }
                }
            }
        }

        @Test func wakingNeedsTheRole() async throws {
            try await machine { machine, runner in
                try await RunningGateway.with([runner], awaitRunners: false, { $0.wake.roles = ["waker"] }) { gateway in
                    try await asleep(gateway)
                    let refused = try await gateway.send(RunningGateway.chat("class:fast"), roles: [])
                    #expect(refused.status == 503)
                    #expect(machine.status.wakes == 0)
                    #expect(try await gateway.send(RunningGateway.chat("class:fast"), roles: ["waker"]).status == 200)
                }
            }
        }
    }
}
