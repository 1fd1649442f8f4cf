import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// SIGTERM: calls in progress finish, or end with an error that gives the reason.
    @Suite struct DrainTests {
        private typealias Engine = ScriptedEngine

        @Test func runningStreamsEndWithDone() async throws {
            let mayGoOn = Watched(false)
            let events = Engine.events()
            try await withEngine { _, wire in
                try await wire.send(Engine.streamHead + Engine.chunk(events[0]))
                _ = try await mayGoOn.value { $0 }
                try await wire.send(Engine.chunk(events.dropFirst().joined()) + Engine.lastChunk)
            } _: { gateway, _ in
                var wires: [Wire] = []
                for _ in 1...8 {
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                    wires.append(wire)
                }
                for wire in wires { try await wire.read(until: "t0") }
                let idle = try await gateway.connect()
                try await idle.send(gateway.request("", "GET", "/health"))
                #expect(try await idle.response().status == 200)

                await gateway.shutDown()
                try await gateway.refusesConnections()
                try await idle.isLeft()
                mayGoOn.update { $0 = true }
                for wire in wires {
                    let response = try await wire.response()
                    #expect(response.text == events.joined() && response.endedCleanly)
                    try await wire.isLeft()
                }
            }
        }

        @Test func aCallThatIsStillBeingSentIsServed() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let call = try gateway.request(RunningGateway.chat())
                let wire = try await gateway.connect()
                try await wire.send(String(call.dropLast(10)))
                _ = try await gateway.metrics { $0["simpleai_calls_open"] == 1 }
                await gateway.shutDown()
                try await gateway.refusesConnections()
                try await wire.send(String(call.suffix(10)))
                let response = try await wire.response()
                #expect(response.status == 200 && response.endedCleanly)
                #expect(response["connection"] == "close")
                try await wire.isLeft()
            }
        }

        @Test func reportsATimeout() async throws {
            try await withEngine(
                { request, wire in
                    guard request.body.contains("\"stream\":true") else {
                        return try await Engine.silent(request, wire)
                    }
                    try await wire.send(Engine.streamHead + Engine.chunk(Engine.events()[0]))
                    try await Engine.silent(request, wire)
                }, settings: { $0.server.drain = .milliseconds(200) }
            ) { gateway, engine in
                let stream = try await gateway.connect()
                try await stream.send(gateway.request(RunningGateway.chat(stream: true)))
                try await stream.read(until: "t0")
                let document = try await gateway.connect()
                try await document.send(gateway.request(RunningGateway.chat()))
                let unfinished = try await gateway.connect()
                try await unfinished.send(String(gateway.request(RunningGateway.chat()).dropLast(3)))
                _ = try await gateway.metrics { $0["simpleai_calls_open"] == 3 }
                _ = try await engine.counts.value { $0.requests.count == 2 }

                await gateway.shutDown()
                let cut = try await stream.response()
                #expect(cut.events.count == 2)
                #expect(cut.events.last?.hasPrefix("data: {\"error\":{") == true)
                #expect(cut.events.last?.contains("\"shutting_down\"") == true)
                #expect(!cut.text.contains("[DONE]"))
                for wire in [document, unfinished] {
                    let refused = try await wire.response()
                    #expect(refused.status == 503)
                    #expect(try refused.error().code == "shutting_down")
                    #expect(refused["retry-after"] != nil)
                }
                for wire in [stream, document, unfinished] { try await wire.isLeft() }
                _ = try await engine.counts.value { $0.departures == 2 }
                await unfinished.close()
            }
        }

        /// A client that does not read cannot delay the gateway's shutdown.
        @Test func aClientThatDoesNotReadIsCutOff() async throws {
            let event = "data: " + String(repeating: "x", count: 64 << 10) + "\n\n"
            try await withEngine(
                { _, wire in
                    try await wire.send(Engine.streamHead)
                    while true { try await wire.send(Engine.chunk(event)) }
                }, settings: { $0.server.drain = .milliseconds(100) }
            ) { gateway, engine in
                let wire = try await gateway.connect(window: 16 << 10)
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await wire.state.value { $0.total > 100 }
                try await wire.pauseReading()
                await gateway.shutDown()
                _ = try await engine.counts.value { $0.departures == 1 }
                try await wire.resumeReading()
                let response = try await wire.response()
                #expect(!response.endedCleanly || response.events.last?.contains("shutting_down") == true)
                #expect(!response.text.contains("[DONE]"))
            }
        }

        @Test func startedResponsesAreReadToTheEnd() async throws {
            let content = String(repeating: "x", count: 12 << 20)
            try await withEngine { _, wire in
                try await wire.send(Engine.document(Engine.completion(content)))
            } _: { gateway, _ in
                let wire = try await gateway.connect(window: 16 << 10)
                try await wire.pauseReading()
                try await wire.send(gateway.request(RunningGateway.chat()))
                _ = try await gateway.metrics { $0["simpleai_calls_open"] == 1 }
                await gateway.shutDown()
                try await gateway.refusesConnections()
                try await wire.resumeReading()
                let state = try await wire.state.value { $0.hasEnded }
                #expect(state.total > content.utf8.count, "\(state.total) bytes and then the end")
            }
        }

        @Test func readinessTurnsFalseAtOnceAndLoadBalancersHaveTime() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.server.drainNotice = .seconds(1) }) {
                gateway, _ in
                #expect(try await gateway.get("/ready").status == 200)
                await gateway.shutDown()
                var ready = try await gateway.get("/ready")
                while ready.status == 200 { ready = try await gateway.get("/ready") }
                #expect(ready.status == 503)
                #expect(try ready.error().code == "shutting_down")
                #expect(try await gateway.get("/health").status == 200)
                // A call that arrives nevertheless is served.
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                try await gateway.refusesConnections()
            }
        }
    }
}
