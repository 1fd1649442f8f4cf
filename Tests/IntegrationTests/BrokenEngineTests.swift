import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Engines that crash, or send wrong or malformed responses.
    @Suite struct BrokenEngineTests {
        private typealias Engine = ScriptedEngine

        // MARK: In the middle of a stream

        /// At every event boundary and in the middle of every event: never a clean end, never half an event.
        @Test(arguments: [false, true])
        func aStreamThatIsCutNeverEndsCleanly(reset: Bool) async throws {
            let events = Engine.events(tokens: 4).dropLast()  // all but [DONE]
            let mayDie = Watched<Set<String>>([])
            try await withEngine { request, wire in
                let id = try #require(request["x-request-id"])
                let cut = try #require(Cut(id))
                let text = events.prefix(cut.events).joined()
                try await wire.send(Engine.streamHead)
                if !text.isEmpty { try await wire.send(Engine.chunk(text)) }
                if cut.isInside { try await wire.send(Engine.chunk(String(events[cut.events].dropLast(9)))) }
                _ = try await mayDie.value { $0.contains(id) }
                if reset { try await wire.reset() } else { try await wire.finish() }
                throw Engine.ClientLeft()
            } _: { gateway, _ in
                for count in 0...events.count {
                    for isInside in count < events.count ? [false, true] : [false] {
                        let id = Cut(events: count, isInside: isInside).id
                        let wire = try await gateway.connect()
                        try await wire.send(
                            gateway.request(RunningGateway.chat(stream: true), fields: ["X-Request-Id: \(id)"]))
                        _ = try await wire.peek { $0.status == 200 && $0.events.count >= count }
                        mayDie.update { $0.insert(id) }
                        let response = try await wire.response()
                        #expect(Array(response.events.prefix(count)) == Array(events.prefix(count)), "\(id)")
                        #expect(!response.text.contains("[DONE]"), "\(id)")
                        #expect(response.events.count == count + 1, "\(id): \(response.text)")
                        let last = try #require(response.events.last)
                        #expect(last.hasPrefix("data: {\"error\":{") && last.contains("\"upstream_error\""), "\(id)")
                        try await wire.isLeft()
                    }
                }
                try await gateway.settled()
            }
        }

        /// A body with correct framing and incomplete content.
        @Test func aStreamThatEndsTooEarlyIsNoCompleteOne() async throws {
            let cases: [[String]] = [[], [": hello\n\n"], Array(Engine.events().prefix(2))]
            try await withEngine { request, wire in
                let index = try #require(request["x-request-id"].flatMap { Int($0) })
                try await wire.send(Engine.streamHead + cases[index].map(Engine.chunk).joined() + Engine.lastChunk)
            } _: { gateway, _ in
                for index in cases.indices {
                    let response = try await gateway.send(
                        RunningGateway.chat(stream: true), fields: ["X-Request-Id: \(index)"])
                    #expect(!response.text.contains("[DONE]"), "\(cases[index])")
                    #expect(response.events.last?.contains("\"upstream_error\"") == true, "\(cases[index])")
                }
                try await gateway.settled()
            }
        }

        @Test func aMissingDoneIsAdded() async throws {
            try await withEngine { _, wire in
                try await wire.send(
                    Engine.streamHead + Engine.chunk(Engine.events().dropLast().joined()) + Engine.lastChunk)
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat(stream: true))
                #expect(response.text == Engine.events().joined() && response.endedCleanly)
            }
        }

        @Test func aDocumentThatIsCutIsNotPassedOn() async throws {
            for reset in [false, true] {
                try await withEngine { _, wire in
                    try await wire.send(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"model\":\"m\""
                    )
                    if reset { try await wire.reset() } else { try await wire.finish() }
                    throw Engine.ClientLeft()
                } _: { gateway, engine in
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 502)
                    #expect(try response.error().code == "upstream_error")
                    #expect(engine.counts.value.requests.count == 1, "what an engine began it must not begin twice")
                    try await gateway.settled()
                }
            }
        }

        // MARK: Before the first byte

        @Test func anotherRunnerTakesOver() async throws {
            let busy: Engine.Script = { _, wire in
                try await wire.send(Engine.document("{}", status: "502 Bad Gateway"))
            }
            try await withEngines([busy, Engine.wellBehaved]) { gateway, engines in
                for stream in [false, true] {
                    for _ in 1...4 {
                        let response = try await gateway.send(RunningGateway.chat(stream: stream))
                        #expect(response.status == 200)
                        #expect(response["x-simpleai-runner"] == "r2")
                    }
                }
                #expect(engines[0].counts.value.requests.count > 0)
                try await gateway.settled()
            }
        }

        @Test func aCallMovesTwiceAndNoMore() async throws {
            let busy: Engine.Script = { _, wire in
                try await wire.send(Engine.document("{}", status: "502 Bad Gateway"))
            }
            try await withEngines([busy, busy, busy, busy]) { gateway, engines in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 502)
                #expect(try response.error().code == "upstream_error")
                #expect(engines.map { $0.counts.value.requests.count }.reduce(0, +) == 3)
                try await gateway.settled()
            }
        }

        /// Probes are off: the calls themselves have to detect the failure.
        @Test func oneOfTwoEnginesIsDownAndNoCallFails() async throws {
            try await withEngines(
                [Engine.wellBehaved, Engine.wellBehaved], runner: { $0.probe.every = .seconds(3600) }
            ) { gateway, engines in
                await engines[0].stopListening()
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for worker in 0..<4 {
                        group.addTask {
                            let wire = try await gateway.connect()
                            var served = 0
                            for number in 0..<50 {
                                try await wire.send(
                                    gateway.request(RunningGateway.chat(stream: (number + worker) % 2 == 0)))
                                let response = try await wire.response()
                                #expect(response.status == 200 && response.endedCleanly, "\(response.text)")
                                served += 1
                            }
                            await wire.close()
                            return served
                        }
                    }
                    let served = try await group.reduce(0, +)
                    #expect(served == 200)
                }
                try await gateway.settled()
            }
        }

        /// An engine that closes idle connections just as the next request is sent.
        @Test func aStaleConnectionIsReplacedOnce() async throws {
            let served = Watched<[Wire]>([])
            try await withEngine { request, wire in
                guard served.value.allSatisfy({ $0 !== wire }) else {
                    // The second request on a connection.
                    if request.body.contains("reset") { try await wire.reset() } else { try await wire.finish() }
                    throw Engine.ClientLeft()
                }
                served.update { $0.append(wire) }
                try await wire.send(Engine.document(Engine.completion()))
            } _: { gateway, engine in
                let wire = try await gateway.connect()
                for number in 0..<60 {
                    let more = number % 2 == 0 ? "\"user\":\"reset\"," : ""
                    try await wire.send(
                        gateway.request(RunningGateway.chat(more: more), fields: ["X-Request-Id: \(number)"]))
                    #expect(try await wire.response().status == 200, "\(number)")
                }
                let tries = Dictionary(grouping: engine.counts.value.requests) { $0["x-request-id"] ?? "" }
                #expect(tries.count == 60 && tries.values.allSatisfy { $0.count <= 2 })
                #expect(tries.values.contains { $0.count == 2 })
                try await gateway.settled()
            }
        }

        @Test(arguments: [Settings.Routing.AfterSend.staleOnly, .never, .always])
        func aRequestThatWasSentIsRepeatedOnlyWhereSettingsSaySo(policy: Settings.Routing.AfterSend) async throws {
            let dying: Engine.Script = { _, wire in
                try await wire.finish()
                throw Engine.ClientLeft()
            }
            try await withEngines([dying, dying], settings: { $0.routing.afterSend = policy }) { gateway, engines in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 502)
                let requests = engines.map { $0.counts.value.requests.count }.reduce(0, +)
                #expect(requests == (policy == .always ? 2 : 1))
                try await gateway.settled()
            }
        }

        @Test func anEngineThatIsTooSlowIsGivenUp() async throws {
            try await withEngine(Engine.silent, settings: { $0.routing.timeouts.firstByte = .milliseconds(80) }) {
                gateway, engine in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 504)
                #expect(try response.error().code == "upstream_timeout")
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
            }
        }

        @Test func anEngineThatFallsSilentInAStreamIsGivenUp() async throws {
            try await withEngine(
                { request, wire in
                    try await wire.send(Engine.streamHead + Engine.chunk(Engine.events()[0]))
                    try await Engine.silent(request, wire)
                }, settings: { $0.routing.timeouts.gap = .milliseconds(80) }
            ) { gateway, engine in
                let response = try await gateway.send(RunningGateway.chat(stream: true))
                #expect(response.events.count == 2)
                #expect(response.events.last?.contains("\"upstream_timeout\"") == true)
                #expect(!response.text.contains("[DONE]"))
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
            }
        }

        @Test func aCallMayHaveATotalLimit() async throws {
            try await withEngine(Engine.silent, settings: { $0.routing.timeouts.total = .milliseconds(80) }) {
                gateway, engine in
                #expect(try await gateway.send(RunningGateway.chat()).status == 504)
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
            }
        }

        // MARK: Malformed responses

        @Test(arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\u{1}\n",
        ])
        func nonsenseIsNotPassedOn(nonsense: String) async throws {
            try await withEngine { _, wire in
                try await wire.send(nonsense)
            } _: { gateway, engine in
                for stream in [false, true] {
                    let response = try await gateway.send(RunningGateway.chat(stream: stream))
                    #expect(response.status == 502)
                    #expect(try response.error().code == "upstream_error")
                    #expect(response["location"] == nil)
                }
                #expect(engine.counts.value.requests.count == 2)
                try await gateway.settled()
            }
        }

        // MARK: The engine's own errors

        private static let errorObject =
            "{\"error\":{\"message\":\"too long\",\"type\":\"x\",\"param\":null,\"code\":7}, \"own\":1}"

        @Test(arguments: [400, 413, 422, 500, 418], [false, true])
        func anErrorObjectPassesAsItIs(status: Int, stream: Bool) async throws {
            try await withEngine { _, wire in
                try await wire.send(
                    Engine.document(
                        Self.errorObject, status: "\(status) X", fields: "WWW-Authenticate: Basic\r\nSet-Cookie: a\r\n")
                )
            } _: { gateway, engine in
                let response = try await gateway.send(RunningGateway.chat(stream: stream))
                #expect(response.status == status)
                #expect(response.text == Self.errorObject)
                #expect(response["www-authenticate"] == nil && response["set-cookie"] == nil)
                #expect(response["x-simpleai-runner"] == "r1")
                #expect(engine.counts.value.requests.count == 1)
                try await gateway.settled()
            }
        }

        @Test(arguments: ["out of memory", "<html>out of memory</html>", "{\"detail\":\"out of memory\"}", ""])
        func otherWordsAreWrapped(body: String) async throws {
            try await withEngine { _, wire in
                try await wire.send(
                    "HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Encoding: identity\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                )
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 500)
                #expect(response["content-type"] == "application/json")
                #expect(response["content-encoding"] == nil)
                let error = try response.error()
                #expect(error.type == "server_error")
                if !body.isEmpty { #expect(error.message == "out of memory") }
                #expect(!error.message.contains("<html>"))
            }
        }

        @Test(arguments: [401, 403, 407])
        func anEngineThatRefusesUsIsOurFault(status: Int) async throws {
            try await withEngine { _, wire in
                try await wire.send(
                    Engine.document(Self.errorObject, status: "\(status) X", fields: "WWW-Authenticate: Basic\r\n"))
            } _: { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 502)
                #expect(try response.error().code == "upstream_error")
                #expect(response["www-authenticate"] == nil)
            }
        }

        @Test func aModelThatIsGoneIsLookedForElsewhere() async throws {
            let gone: Engine.Script = { _, wire in
                let error = "{\"error\":{\"message\":\"model 'm' not found, try pulling it first\"}}"
                try await wire.send(Engine.document(error, status: "404 Not Found"))
            }
            try await withEngines([gone, Engine.wellBehaved]) { gateway, _ in
                for _ in 1...3 {
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 200)
                }
            }
            try await withEngine(gone) { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 503)
                #expect(try response.error().code == "no_runner_available")
                #expect(response["retry-after"] != nil)
            }
        }

        @Test func anEngineWithTooMuchToDoIsSpared() async throws {
            let busy: Engine.Script = { _, wire in
                try await wire.send(
                    Engine.document(Self.errorObject, status: "429 Too Many Requests", fields: "Retry-After: 17\r\n"))
            }
            try await withEngines([busy, Engine.wellBehaved]) { gateway, _ in
                for _ in 1...3 {
                    let response = try await gateway.send(RunningGateway.chat())
                    #expect(response.status == 200)
                }
            }
            try await withEngine(busy) { gateway, _ in
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 429)
                #expect(response["retry-after"] == "17")
                let words = try response.json()["error"] as? [String: Any]
                #expect(words?["message"] as? String == "too long", "in the engine's words")
            }
        }
    }
}

/// The position where a stream is cut, as a request id.
private struct Cut {
    let events: Int
    let isInside: Bool

    init(events: Int, isInside: Bool) {
        self.events = events
        self.isInside = isInside
    }

    init?(_ id: String) {
        let parts = id.split(separator: "-")
        guard parts.count == 3, let events = Int(parts[1]) else { return nil }
        self.init(events: events, isInside: parts[2] == "inside")
    }

    var id: String { "cut-\(events)-\(isInside ? "inside" : "after")" }
}
