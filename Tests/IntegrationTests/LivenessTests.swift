import Foundation
import RunnerProtocol
import Settings
import SimpleAICore
import Testing
import WebSocketTransport

@testable import LocalFleet

extension Integration {
    /// The state of a machine, derived from all evidence: busy, loading, replaced by another server, and recovered.
    @Suite struct LivenessTests {
        private typealias Engine = ScriptedEngine

        private static let loading = Engine.document(
            "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\",\"code\":503}}",
            status: "503 Service Unavailable")
        private static let badGateway =
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n<html>Bad Gateway</html>"

        private func states(_ gateway: RunningGateway, _ state: String) async throws -> Double? {
            try await gateway.metrics { _ in true }["simpleai_runners{state=\"\(state)\"}"]
        }

        /// Runs a gateway in front of one engine whose probe responses are scripted as well.
        private func with(
            awaitRunners: Bool = true, probe: @escaping Engine.Script, _ script: @escaping Engine.Script,
            runner: @escaping @Sendable (inout Settings.StaticRunner) -> Void = { _ in },
            settings: @escaping @Sendable (inout Settings) -> Void = { _ in },
            _ body: @escaping @Sendable (RunningGateway, Engine) async throws -> Void
        ) async throws {
            let engine = try await Engine(probe: probe, script)
            try await running([engine]) {
                let stated = Settings.StaticRunner.at(engine.port, models: ["m"]) { runner(&$0) }
                try await RunningGateway.with([stated], awaitRunners: awaitRunners, settings) {
                    try await body($0, engine)
                }
            }
        }

        /// A busy engine responds to no probe: it accepts connections, and that is enough.
        @Test func aBusyEngineIsNeitherGoneNorDown() async throws {
            let probes = Watched(0)
            let mayRespond = Watched(false)
            try await with {
                _, wire in
                let number = probes.update { count -> Int in
                    count += 1
                    return count
                }
                if number > 1 { _ = try await mayRespond.value { $0 } }
                try await wire.send(Engine.document("{\"data\":[{\"id\":\"m\"}]}"))
            } _: { request, wire in
                _ = try await mayRespond.value { $0 }
                try await Engine.wellBehaved(request, wire)
            } runner: {
                $0.slots = 1
                $0.probe.every = .milliseconds(10)
                $0.probe.timeout = .milliseconds(10)
            } _: { gateway, _ in
                let first = try await gateway.connect()
                try await first.send(gateway.request(RunningGateway.chat()))
                let second = try await gateway.connect()
                try await second.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == 1 }
                let seen = probes.value
                // Many more than the number of misses after which a machine counts as lost.
                _ = try await probes.value { $0 > seen + 20 }
                #expect(try await states(gateway, "ready") == 1)
                mayRespond.update { $0 = true }
                #expect(try await first.response().status == 200)
                #expect(try await second.response().endedCleanly)
                await first.close()
                await second.close()
                try await gateway.settled()
            }
        }

        /// The engine lists its model at once and refuses calls until it has loaded it: streams and documents wait.
        @Test func aLoadingEngineIsWaitedFor() async throws {
            let refusals = Watched(0)
            try await with {
                _, wire in
                try await wire.send(Engine.document("{\"data\":[{\"id\":\"m\"}]}"))
            } _: { request, wire in
                let number = refusals.update { count -> Int in
                    count += 1
                    return count
                }
                if number <= 4 { return try await wire.send(Self.loading) }
                try await Engine.wellBehaved(request, wire)
            } settings: {
                $0.keepalive.after = .milliseconds(20)
                $0.keepalive.every = .milliseconds(20)
            } _: { gateway, _ in
                async let document = gateway.send(RunningGateway.chat())
                async let stream = gateway.send(RunningGateway.chat(stream: true))
                #expect(try await document.status == 200)
                let streamed = try await stream
                #expect(streamed.endedCleanly && streamed.text.contains(": waiting"))
                #expect(streamed.events.last == "data: [DONE]\n\n")
                #expect(refusals.value >= 6)
                #expect(try await states(gateway, "ready") == 1)
                try await gateway.settled()
            }
        }

        @Test func anEngineWithoutAListServes() async throws {
            try await with { _, wire in
                try await wire.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            } _: {
                try await Engine.wellBehaved($0, $1)
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 200)
            }
        }

        @Test(arguments: [
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<html>Hi</html",
            badGateway, "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
            "SSH-2.0-OpenSSH_9.6\r\n",
        ])
        func anotherProgramsResponseIsNotTheMachines(_ response: String) async throws {
            try await with(awaitRunners: false) {
                _, wire in
                try await wire.send(response)
                await wire.close()
            } _: {
                try await Engine.wellBehaved($0, $1)
            } _: { gateway, engine in
                _ = try await gateway.metrics { $0["simpleai_runners{state=\"down\"}"] == 1 }
                #expect(try await gateway.get("/v1/models").text.contains("\"state\":\"down\""))
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 503)
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        /// A front end responds for a sleeping machine: the call wakes the machine, and waits.
        @Test func aCallWakesTheMachineBehindAFrontEnd() async throws {
            try await withTemporaryDirectory { directory in
                let woken = directory + "/woken"
                @Sendable func isAwake() -> Bool { FileManager.default.fileExists(atPath: woken) }
                try await with(awaitRunners: false) {
                    _, wire in
                    try await wire.send(
                        isAwake() ? Engine.document("{\"data\":[{\"id\":\"m\"}]}") : Self.badGateway)
                } _: { request, wire in
                    if isAwake() { return try await Engine.wellBehaved(request, wire) }
                    try await wire.send(Self.badGateway)
                } runner: {
                    var target = Settings.WakeTarget(macs: [])
                    target.command = ["/usr/bin/touch", woken]
                    $0.wake = target
                } _: { gateway, _ in
                    _ = try await gateway.metrics { $0["simpleai_runners{state=\"down\"}"] == 1 }
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 200)
                    #expect(response["x-simpleai-wake"]?.contains("; wake=") == true)
                    // Asleep again: the call itself reaches the front end.
                    try FileManager.default.removeItem(atPath: woken)
                    #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                    #expect(isAwake())
                    try await gateway.settled()
                }
            }
        }

        /// An operator can wake a machine in the state `unknown`.
        @Test func acceptsWakeCommandsFromTheStart() async throws {
            try await with(awaitRunners: false) {
                _, wire in
                try await wire.isLeft()
            } _: {
                try await Engine.wellBehaved($0, $1)
            } runner: {
                $0.probe.timeout = .seconds(60)
                var target = Settings.WakeTarget(macs: [])
                target.command = ["/bin/true"]
                $0.wake = target
            } _: { gateway, _ in
                #expect(try await states(gateway, "unknown") == 1)
                let response = try await gateway.send("", "POST", "/admin/api/machines/r1/wake", roles: ["admin"])
                #expect(response.status == 202)
                #expect(try await states(gateway, "waking") == 1)
            }
        }

        /// An engine that only embeds refuses the check's chat, computes its embedding, and is `ready` again.
        @Test(arguments: [404, 501])
        func anEmbeddingsEngineComesBackFromSleep(_ status: Int) async throws {
            let engine = try await Engine { request, wire in
                guard request.path.hasSuffix("/embeddings") else {
                    return try await wire.send(Engine.document("{\"error\":\"no chat\"}", status: "\(status) No"))
                }
                try await wire.send(
                    Engine.document(
                        "{\"object\":\"list\",\"data\":[{\"embedding\":[0.5],\"index\":0}],\"model\":\"m\"}"))
            }
            try await running([engine]) {
                try await RunningGateway.with([], awaitRunners: false) { settings in
                    settings.fleet.token = ScriptedAgent.token
                    settings.fleet.gracePeriod = .milliseconds(50)
                    settings.wake.broadcast = "127.0.0.1"
                } _: { gateway in
                    func join() async throws -> ScriptedAgent {
                        try await ScriptedAgent.join(gateway, as: "a", port: engine.port) {
                            $0.macAddress = MACAddress("02:53:41:49:00:01")
                        }
                    }
                    let before = try await join()
                    try await gateway.await(.ready, 1)
                    before.connection.close()
                    try await gateway.await(.asleep, 1)
                    let call = try await gateway.connect()
                    try await call.send(
                        gateway.request("{\"model\":\"m\",\"input\":\"x\"}", "POST", "/v1/embeddings"))
                    try await gateway.await(.waking, 1)
                    let back = try await join()
                    #expect(try await call.response().status == 200)
                    let paths = engine.counts.value.requests.map(\.path)
                    #expect(paths == ["/v1/chat/completions", "/v1/embeddings", "/v1/embeddings"])
                    await call.close()
                    back.connection.close()
                }
            }
        }
    }
}
