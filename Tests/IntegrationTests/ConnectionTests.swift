import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// One client connection: order of requests, keep-alive, closing, and clients that read slowly.
    @Suite struct ConnectionTests {
        private typealias Engine = ScriptedEngine

        @Test func pipelinedRequestsGetResponsesInOrder() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let wire = try await gateway.connect()
                let requests = try (0..<12).map { number in
                    let fields = ["X-Request-Id: \(number)"]
                    return switch number % 4 {
                    case 0: try gateway.request(RunningGateway.chat(), fields: fields)
                    case 1: try gateway.request("", "GET", "/health", fields: fields)
                    case 2: try gateway.request(RunningGateway.chat(stream: true), fields: fields)
                    default: try gateway.request("nonsense", fields: fields)
                    }
                }
                try await wire.send(requests.joined())
                for number in requests.indices {
                    let response = try await wire.response()
                    #expect(response["x-request-id"] == "\(number)")
                    #expect(response.status == (number % 4 == 3 ? 400 : 200))
                    #expect(response.endedCleanly)
                }
                await wire.close()
                try await gateway.settled()
            }
        }

        /// Each request is authenticated on its own, whatever the result of the one before it.
        @Test func credentialsAreJudgedRequestByRequest() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let tokens = [try gateway.token(user: "one"), try gateway.token(user: "two")]
                // Canonically equivalent characters with different bytes.
                let kelvin = tokens[0].replacing("K", with: "\u{212A}")
                let good = [
                    "Bearer \(tokens[0])", "Bearer \(tokens[0])", "Bearer \(tokens[1])", "bearer  \(tokens[0])",
                ]
                let bad = [
                    nil, "Bearer \(tokens[0])x", "Basic \(tokens[0])", kelvin == tokens[0] ? nil : "Bearer \(kelvin)",
                ]
                for last in bad {
                    // A refusal that comes before the body has been read ends the connection.
                    let wire = try await gateway.connect()
                    for (value, status) in good.map({ (Optional($0), 200) }) + [(last, 401)] {
                        let fields = value.map { ["Authorization: \($0)"] } ?? []
                        try await wire.send(
                            gateway.request(RunningGateway.chat("class:fast"), token: "", fields: fields))
                        #expect(try await wire.response().status == status)
                    }
                    await wire.close()
                }
                try await gateway.settled()
            }
        }

        @Test func pipelinedRequestsSurviveBeingSentByteByByte() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let wire = try await gateway.connect()
                let requests = try gateway.request(RunningGateway.chat()) + gateway.request("", "GET", "/health")
                for byte in requests.unicodeScalars { try await wire.send(String(byte)) }
                for _ in 1...2 { #expect(try await wire.response().status == 200) }
                await wire.close()
            }
        }

        @Test func aConnectionIsKeptUnlessItsClientWantsItClosed() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                for (method, path, body) in [
                    ("POST", "/v1/chat/completions", RunningGateway.chat()),
                    ("POST", "/v1/chat/completions", RunningGateway.chat(stream: true)), ("GET", "/health", ""),
                    ("GET", "/nowhere", ""),
                ] {
                    let wire = try await gateway.connect()
                    for _ in 1...3 {
                        try await wire.send(gateway.request(body, method, path))
                        #expect(try await wire.response()["connection"] != "close")
                    }
                    for value in ["close", "Close", "x, close"] {
                        let last = try await gateway.connect()
                        try await last.send(gateway.request(body, method, path, fields: ["Connection: \(value)"]))
                        let response = try await last.response()
                        #expect(response["connection"] == "close", "\(path) \(value)")
                        #expect(response.endedCleanly)
                        try await last.isLeft()
                    }
                    await wire.close()
                }
            }
        }

        @Test func whatFollowsALastRequestIsNotServed() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, engine in
                let wire = try await gateway.connect()
                let last = try gateway.request(RunningGateway.chat(), fields: ["Connection: close"])
                try await wire.send(last + gateway.request(RunningGateway.chat()))
                #expect(try await wire.response().status == 200)
                try await wire.isLeft()
                #expect(engine.counts.value.requests.count == 1)
            }
        }

        // MARK: HTTP/1.0

        @Test(arguments: [false, true])
        func anHTTP10ClientFindsTheEndOfItsResponse(keepsAlive: Bool) async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                let fields = keepsAlive ? ["Connection: keep-alive"] : []
                let document = try await gateway.connect()
                try await document.send(gateway.request(RunningGateway.chat(), fields: fields, version: "1.0"))
                let response = try await document.response()
                #expect(response.text == Engine.completion() && response.endedCleanly)
                #expect(response["connection"] == (keepsAlive ? "keep-alive" : "close"))
                if keepsAlive {
                    try await document.send(gateway.request(RunningGateway.chat(), fields: fields, version: "1.0"))
                    #expect(try await document.response().status == 200)
                } else {
                    try await document.isLeft()
                }

                // Without chunks and without a length, the end of the connection ends the stream.
                let stream = try await gateway.connect()
                try await stream.send(
                    gateway.request(RunningGateway.chat(stream: true), fields: fields, version: "1.0"))
                let events = try await stream.response()
                #expect(events.text == Engine.events().joined())
                #expect(events["transfer-encoding"] == nil && events["connection"] == "close")
                try await stream.isLeft()

                let health = try await gateway.connect()
                try await health.send(gateway.request("", "GET", "/health", version: "1.0"))
                #expect(try await health.readToEnd().hasSuffix(RunningGateway.health))
                await document.close()
            }
        }

        @Test func headGetsAResponseWithoutABody() async throws {
            try await withEngine(Engine.wellBehaved) { gateway, _ in
                for path in ["/nowhere", "/health", "/v1/models"] {
                    let wire = try await gateway.connect()
                    try await wire.send(
                        "HEAD \(path) HTTP/1.1\r\nHost: g\r\n\r\nGET /health HTTP/1.1\r\nHost: g\r\n\r\n")
                    let text = try await wire.read(until: RunningGateway.health)
                    #expect(text.components(separatedBy: "\r\n\r\n").count == 3, "\(path): \(text)")
                    #expect(!text.contains("{\"error\""), "\(path): \(text)")
                    await wire.close()
                }
                let call = try await gateway.connect()
                try await call.send("HEAD /v1/chat/completions HTTP/1.1\r\nHost: g\r\n\r\n")
                let text = try await call.readToEnd()
                #expect(text.hasPrefix("HTTP/1.1 405 ") && text.hasSuffix("\r\n\r\n"))
            }
        }

        // MARK: Clients that read slowly

        /// The whole response arrives although the connection closes after it.
        @Test(arguments: [["Connection: close"], []])
        func aLargeResponseArrivesCompletely(fields: [String]) async throws {
            let content = String(repeating: "x", count: 12 << 20)
            try await withEngine { _, wire in
                try await wire.send(Engine.document(Engine.completion(content)))
            } _: { gateway, engine in
                let wire = try await gateway.connect(window: 16 << 10)
                try await wire.pauseReading()
                try await wire.send(gateway.request(RunningGateway.chat(), fields: fields))
                // A large document passes as it arrives, so the call lasts as long as its client does not read.
                _ = try await gateway.metrics { $0["simpleai_calls_open"] == 1 }
                #expect(wire.state.value.total == 0)
                try await wire.resumeReading()
                let expected = Engine.completion(content).utf8.count
                let state = try await wire.state.value { $0.total > expected || $0.hasEnded }
                #expect(state.total > expected, "\(state.total) of \(expected) bytes and then the end")
                if !fields.isEmpty { try await wire.isLeft() }
                await wire.close()
                try await gateway.settled()
            }
        }

        /// Back-pressure stops the engine instead of filling the gateway's memory.
        @Test func aSlowClientSlowsItsEngineDown() async throws {
            let total = 96 << 20
            let event = "data: " + String(repeating: "x", count: (64 << 10) - 8) + "\n\n"
            let taken = Watched(0)
            try await withEngine { request, wire in
                try await wire.send(Engine.streamHead)
                while taken.value < total {
                    try await wire.send(Engine.chunk(event))
                    taken.update { $0 += event.utf8.count }
                }
            } _: { gateway, engine in
                let wire = try await gateway.connect(window: 16 << 10)
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await wire.state.value { $0.total > 100 }
                try await wire.pauseReading()
                let stalled = try await gateway.stalled { taken.value }
                #expect(stalled < total / 3, "the engine got rid of \(stalled) bytes that the client does not read")
                #expect(
                    try await gateway.send(RunningGateway.chat("nope")).status == 404, "others are served meanwhile")
                await wire.close()
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
            }
        }

        @Test func aClientThatReadsInGulpsMissesNothing() async throws {
            // With a window smaller than a loopback segment the kernel sends one segment per persist timer: a few are
            // enough.
            let events = Engine.events(tokens: 2_000)
            try await withEngine { _, wire in
                try await wire.send(Engine.streamHead)
                for start in stride(from: 0, to: events.count, by: 500) {
                    try await wire.send(Engine.chunk(events[start..<min(start + 500, events.count)].joined()))
                }
                try await wire.send(Engine.lastChunk)
            } _: { gateway, _ in
                let wire = try await gateway.connect(window: 32 << 10)
                try await wire.pauseReading()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                for _ in 1...5 {
                    let before = wire.state.value.total
                    try await wire.resumeReading()
                    // The last read may have been a large one.
                    _ = try await wire.state.value {
                        $0.total > before || $0.hasEnded || $0.received.suffix(7).elementsEqual("\r\n0\r\n\r\n".utf8)
                    }
                    try await wire.pauseReading()
                    _ = try await gateway.get("/health")
                }
                try await wire.resumeReading()
                _ = try await wire.state.value {
                    $0.hasEnded || $0.received.suffix(7).elementsEqual("\r\n0\r\n\r\n".utf8)
                }
                let response = try await wire.response()
                #expect(response.endedCleanly)
                #expect(response.text == events.joined())
                await wire.close()
                try await gateway.settled()
            }
        }

        // MARK: Clients that do not complete their requests

        @Test func anIdleConnectionIsClosed() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.server.idleTimeout = .seconds(1) }) { gateway, _ in
                let silent = try await gateway.connect()
                let halfAHead = try await gateway.connect()
                try await halfAHead.send("GET /health HTTP/1.1\r\nHost:")
                let halfABody = try await gateway.connect()
                try await halfABody.send(String(gateway.request(RunningGateway.chat()).dropLast(5)))
                let afterAnAnswer = try await gateway.connect()
                try await afterAnAnswer.send(gateway.request(RunningGateway.chat()))
                #expect(try await afterAnAnswer.response().status == 200)
                for wire in [silent, halfAHead, halfABody, afterAnAnswer] { try await wire.isLeft() }
                try await gateway.settled()
            }
        }

        /// A client that stops reading would hold its engine's slot indefinitely.
        @Test func aClientThatStopsReadingIsCutOff() async throws {
            let event = "data: " + String(repeating: "x", count: 64 << 10) + "\n\n"
            try await withEngine(
                { _, wire in
                    try await wire.send(Engine.streamHead)
                    while true { try await wire.send(Engine.chunk(event)) }
                }, settings: { $0.server.idleTimeout = .seconds(1) }
            ) { gateway, engine in
                let wire = try await gateway.connect(window: 16 << 10)
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await wire.state.value { $0.total > 100 }
                try await wire.pauseReading()
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
                await wire.close()
            }
        }

        /// A body that arrives one byte at a time is refused after a timeout.
        @Test func aBodyInDribsIsNotWaitedFor() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.server.idleTimeout = .seconds(1) }) { gateway, _ in
                let body = RunningGateway.chat(more: "\"user\":\"\(String(repeating: "u", count: 1 << 20))\",")
                let request = try gateway.request(body)
                let wire = try await gateway.connect()
                try await wire.send(String(request.dropLast(1 << 20)))
                var sent = 0
                while !wire.state.value.hasEnded {
                    for _ in 1...20 { #expect(try await gateway.get("/health").status == 200) }
                    do { try await wire.send("u") } catch { break }
                    sent += 1
                    try Task.checkCancellation()
                }
                #expect(sent < 1 << 20, "the connection was closed before the body was complete")
                try await gateway.settled()
                await wire.close()
            }
        }

        @Test func aCallThatTakesLongIsNotIdle() async throws {
            let mayRespond = Watched(false)
            try await withEngine(
                { _, wire in
                    _ = try await mayRespond.value { $0 }
                    try await wire.send(Engine.document(Engine.completion()))
                }, settings: { $0.server.idleTimeout = .seconds(1) }
            ) { gateway, _ in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat()))
                // An idle connection shows that the time has passed.
                try await gateway.connect().isLeft()
                mayRespond.update { $0 = true }
                #expect(try await wire.response().status == 200)
            }
        }
    }
}
