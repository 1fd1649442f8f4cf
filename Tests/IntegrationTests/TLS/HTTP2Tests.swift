import NIOHTTP2
import Settings
import SimpleAICore
import StandIn
import Testing

@testable import LocalFleet

/// A gateway with a certificate, in front of one engine.
func withHTTP2<Result: Sendable>(
    _ script: @escaping ScriptedEngine.Script = ScriptedEngine.wellBehaved, slots: Int = 100,
    settings change: @escaping @Sendable (inout Settings) -> Void = { _ in },
    _ body: @escaping @Sendable (RunningGateway, ScriptedEngine) async throws -> Result
) async throws -> Result {
    let certificate = Settings.ServerTLS(try StandInCertificate(.ofAuthority))
    return try await withEngine(
        script, runner: { $0.slots = slots },
        settings: {
            $0.server.tls = certificate
            change(&$0)
        }, body)
}

extension Integration {
    /// Many calls on one connection, each as if it had one of its own.
    @Suite struct HTTP2Tests {
        private typealias Engine = ScriptedEngine

        @Test func bothPlanesOnOneConnection() async throws {
            try await withHTTP2 { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let streamed = try await client.send(gateway.head(), body: RunningGateway.chat(stream: true))
                let document = try await client.send(gateway.head(), body: RunningGateway.chat())
                let models = try await client.send(gateway.head("GET", "/v1/models"))
                let missing = try await client.send(gateway.head("GET", "/nowhere"))
                let wrong = try await client.send(gateway.head("GET"))

                let events = try await streamed.response()
                #expect(events.status == 200 && events.text == Engine.events().joined() && events.endedCleanly)
                #expect(events["content-type"] == "text/event-stream")
                #expect(events["x-simpleai-runner"] == "r1" && events["x-request-id"] != nil)
                #expect(try await document.response().text == Engine.completion())
                #expect(try await models.response().text.contains("\"m\""))
                #expect(try await missing.response().error().code == "not_found")
                let refused = try await wrong.response()
                #expect(refused.status == 405 && refused["allow"] == "POST")
                for stream in [streamed, document, models, missing, wrong] {
                    let code = try await stream.code()
                    #expect(code == nil || code == .noError, "\(stream.state.value.response.text)")
                    let names = stream.state.value.fields.map(\.name)
                    #expect(names.allSatisfy { $0 == $0.lowercased() })
                    #expect(!names.contains("connection") && !names.contains("transfer-encoding"))
                }
                let forwarded = try engine.request(0)
                #expect(forwarded["host"] == "127.0.0.1:\(engine.port)")
                #expect(forwarded.all("transfer-encoding").isEmpty && forwarded.all("content-length").count == 1)
                try await gateway.settled()
                await client.close()
            }
        }

        @Test func eventsArriveAsTheyCome() async throws {
            let next = Watched(0)
            let events = Engine.events(tokens: 4)
            try await withHTTP2 { _, wire in
                try await wire.send(Engine.streamHead)
                for (number, event) in events.enumerated() {
                    _ = try await next.value { $0 >= number }
                    try await wire.send(Engine.chunk(event))
                }
                try await wire.send(Engine.lastChunk)
            } _: { gateway, _ in
                let client = try await gateway.connectHTTP2()
                let stream = try await client.send(gateway.head(), body: RunningGateway.chat(stream: true))
                for (number, event) in events.enumerated() {
                    try await stream.read(until: event)
                    next.update { $0 = number + 1 }
                }
                #expect(try await stream.response().text == events.joined())
                await client.close()
            }
        }

        @Test func aHundredStreamsAtOnce() async throws {
            let isOpen = Watched(false)
            try await withHTTP2 { request, wire in
                _ = try await isOpen.value { $0 }
                try await Engine.wellBehaved(request, wire)
            } _: { gateway, engine in
                let client = try await gateway.connectHTTP2()
                var streams: [HTTP2Stream] = []
                for _ in 1...100 {
                    streams.append(try await client.send(gateway.head(), body: RunningGateway.chat(stream: true)))
                }
                _ = try await engine.counts.value { $0.requests.count == 100 }
                isOpen.update { $0 = true }
                for stream in streams {
                    let response = try await stream.response()
                    #expect(response.text == Engine.events().joined() && response.endedCleanly)
                }
                try await gateway.settled()
                await client.close()
            }
        }

        @Test(arguments: [false, true])
        func aResetStopsItsEngineAndNoOther(streams: Bool) async throws {
            try await withHTTP2 { request, wire in
                if request.body.contains("stay") { return try await Engine.wellBehaved(request, wire) }
                try await Engine.silent(request, wire)
            } _: { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let leaving = try await client.send(gateway.head(), body: RunningGateway.chat(stream: streams))
                _ = try await engine.counts.value { $0.requests.count == 1 }
                await leaving.reset()
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
                let staying = try await client.send(
                    gateway.head(), body: RunningGateway.chat(more: "\"user\":\"stay\","))
                #expect(try await staying.response().status == 200)
                await client.close()
            }
        }

        @Test func aClientThatLeavesTakesAllItsCallsAlong() async throws {
            try await withHTTP2(Engine.silent) { gateway, engine in
                let client = try await gateway.connectHTTP2()
                for number in 1...10 {
                    _ = try await client.send(gateway.head(), body: RunningGateway.chat(stream: number % 2 == 0))
                }
                _ = try await engine.counts.value { $0.requests.count == 10 }
                await client.close()
                _ = try await engine.counts.value { $0.departures == 10 }
                try await gateway.settled()
            }
        }

        /// A client that stops reading one stream stops that stream's engine, without delaying other streams or
        /// filling the gateway's memory.
        @Test func backPressureIsPerStream() async throws {
            let event = "data: " + String(repeating: "x", count: 32 << 10) + "\n\n"
            let taken = Watched(0)
            try await withHTTP2 { request, wire in
                guard request.body.contains("flood") else { return try await Engine.wellBehaved(request, wire) }
                try await wire.send(Engine.streamHead)
                while true {
                    try await wire.send(Engine.chunk(event))
                    taken.update { $0 += event.utf8.count }
                }
            } _: { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let flooded = try await client.send(
                    gateway.head(), body: RunningGateway.chat(stream: true, more: "\"user\":\"flood\","))
                _ = try await flooded.state.value { !$0.body.isEmpty }
                try await flooded.pauseReading()
                // The kernel buffers between the gateway and its engine hold some megabytes.
                let stalled = try await gateway.stalled { taken.value }
                #expect(stalled < 24 << 20, "\(stalled) bytes were taken for a client that does not read")
                let beside = try await client.send(gateway.head(), body: RunningGateway.chat(stream: true))
                #expect(try await beside.response().text == Engine.events().joined())
                try await flooded.resumeReading()
                _ = try await taken.value { $0 > stalled }
                await flooded.reset()
                _ = try await engine.counts.value { $0.departures == 1 }
                await client.close()
            }
        }

        @Test func largeBodiesBothWays() async throws {
            let content = String(repeating: "y", count: 3 << 20)
            try await withHTTP2 { request, wire in
                let received = request.body.utf8.count
                try await wire.send(Engine.document(Engine.completion(content + "\(received)")))
            } _: { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let body = RunningGateway.chat(more: "\"user\":\"\(content)\",")
                let response = try await client.send(gateway.head(), body: body).response()
                #expect(response.text == Engine.completion(content + "\(body.utf8.count)"))
                #expect(try engine.request(0).body == body)
                await client.close()
            }
        }

        /// A refusal is sent before the whole request has arrived, and ends only its stream.
        @Test func aRefusalDoesNotWaitForTheBody() async throws {
            try await withHTTP2 { gateway, engine in
                let client = try await gateway.connectHTTP2()
                let unauthenticated = try await client.send(gateway.head(token: "nonsense"), body: "{", isWhole: false)
                let response = try await unauthenticated.response()
                #expect(response.status == 401 && response.endedCleanly)
                #expect(try response.error().code == "invalid_api_key")
                #expect(try await unauthenticated.code() == .noError)
                let friend = try await client.send(gateway.head(), body: RunningGateway.chat())
                #expect(try await friend.response().status == 200)
                #expect(engine.counts.value.requests.count == 1)
                try await gateway.settled()
                await client.close()
            }
        }

        @Test func sends100ContinueAfterTheCredentials() async throws {
            try await withHTTP2 { gateway, _ in
                let client = try await gateway.connectHTTP2()
                let expecting = [("expect", "100-continue")]
                let stream = try await client.send(gateway.head(fields: expecting), isWhole: false)
                _ = try await stream.state.value { $0.informational == [100] }
                try await stream.send(RunningGateway.chat(), isLast: true)
                #expect(try await stream.response().status == 200)
                let unauthenticated = try await client.send(
                    gateway.head(token: "nonsense", fields: expecting), isWhole: false)
                #expect(try await unauthenticated.response().status == 401)
                #expect(unauthenticated.state.value.informational.isEmpty)
                await client.close()
            }
        }

        @Test func aStreamThatLostItsEngineEndsWithAnError() async throws {
            try await withHTTP2 { _, wire in
                try await wire.send(Engine.streamHead + Engine.chunk(Engine.events()[0]))
                await wire.close()
            } _: { gateway, _ in
                let client = try await gateway.connectHTTP2()
                let response = try await client.send(gateway.head(), body: RunningGateway.chat(stream: true)).response()
                #expect(response.events.last?.contains("\"upstream_error\"") == true, "\(response.text)")
                #expect(!response.text.contains("[DONE]"))
                await client.close()
            }
        }
    }
}
