import NIOHTTP2
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// SIGTERM with HTTP/2: the gateway sends GOAWAY, and calls in progress finish or end with an error that gives
    /// the reason.
    @Suite struct HTTP2DrainTests {
        private typealias Engine = ScriptedEngine

        @Test func aHundredOfAHundredStreamsComplete() async throws {
            let mayGoOn = Watched(false)
            let events = Engine.events()
            try await withHTTP2 { _, wire in
                try await wire.send(Engine.streamHead + Engine.chunk(events[0]))
                _ = try await mayGoOn.value { $0 }
                try await wire.send(Engine.chunk(events.dropFirst().joined()) + Engine.lastChunk)
            } _: { gateway, _ in
                let client = try await gateway.connectHTTP2()
                let idle = try await gateway.connectHTTP2()
                var streams: [HTTP2Stream] = []
                for _ in 1...100 {
                    streams.append(try await client.send(gateway.head(), body: RunningGateway.chat(stream: true)))
                }
                for stream in streams { try await stream.read(until: "t0") }

                await gateway.shutDown()
                try await gateway.refusesConnections()
                try await idle.isLeft()
                // Two GOAWAY frames: the first stops new streams; the second, sent once the client has received the
                // first, names the last stream that is processed.
                _ = try await client.state.value { $0.goAways.count == 2 }
                #expect(client.state.value.goAways.allSatisfy { $0.code == .noError })
                mayGoOn.update { $0 = true }
                for stream in streams {
                    let response = try await stream.response()
                    #expect(response.text == events.joined() && response.endedCleanly)
                }
                try await client.isLeft()
            }
        }

        @Test func reportsATimeout() async throws {
            try await withHTTP2 { request, wire in
                guard request.body.contains("\"stream\":true") else { return try await Engine.silent(request, wire) }
                try await wire.send(Engine.streamHead + Engine.chunk(Engine.events()[0]))
                try await Engine.silent(request, wire)
            } settings: {
                $0.server.drain = .milliseconds(200)
            } _: { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let stream = try await client.send(gateway.head(), body: RunningGateway.chat(stream: true))
                let document = try await client.send(gateway.head(), body: RunningGateway.chat())
                let unfinished = try await client.send(gateway.head(), body: "{", isWhole: false)
                try await stream.read(until: "t0")
                _ = try await gateway.metrics { $0["simpleai_calls_open"] == 3 }
                _ = try await engine.counts.value { $0.requests.count == 2 }

                await gateway.shutDown()
                let cut = try await stream.response()
                #expect(cut.events.last?.contains("\"shutting_down\"") == true && cut.endedCleanly)
                #expect(!cut.text.contains("[DONE]"))
                for refused in [document, unfinished] {
                    let response = try await refused.response()
                    #expect(response.status == 503)
                    #expect(try response.error().code == "shutting_down")
                }
                try await client.isLeft()
                _ = try await engine.counts.value { $0.departures == 2 }
            }
        }

        @Test func readinessTurnsFalseOnConnectionsThatAreThere() async throws {
            try await withHTTP2(settings: { $0.server.drainNotice = .seconds(1) }) { gateway, _ in
                let client = try await gateway.connectHTTP2()
                #expect(try await client.send(gateway.head("GET", "/ready")).response().status == 200)
                await gateway.shutDown()
                var response = try await client.send(gateway.head("GET", "/ready")).response()
                while response.status == 200 {
                    response = try await client.send(gateway.head("GET", "/ready")).response()
                }
                #expect(response.status == 503)
                #expect(try response.error().code == "shutting_down")
                // Calls are served until `server.drain_notice` has passed.
                #expect(try await client.send(gateway.head(), body: RunningGateway.chat()).response().status == 200)
                try await client.isLeft()
            }
        }
    }
}
