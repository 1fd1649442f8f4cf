import Settings
import SimpleAICore
import Synchronization
import Testing

@testable import LocalFleet

extension Integration {
    /// Failures that a proxy must survive, with figures. `make faults` prints them as a table.
    @Suite struct FaultTests {
        private typealias Engine = ScriptedEngine

        /// The engine dies at every event boundary, in two ways: the caller always receives an error.
        @Test func anEngineThatDiesNeverYieldsATruncatedResponse() async throws {
            let events = Engine.events(tokens: 8).dropLast()  // all but [DONE]
            let mayDie = Watched<Set<String>>([])
            let deaths = Watched(0)
            let silent = Watched<[String]>([])
            try await withEngine(
                { request, wire in
                    let id = try #require(request["x-request-id"])
                    let number = try #require(Int(id))
                    try await wire.send(Engine.streamHead)
                    for event in events.prefix(number / 2 % (events.count + 1)) {
                        try await wire.send(Engine.chunk(event))
                    }
                    _ = try await mayDie.value { $0.contains(id) }
                    deaths.update { $0 += 1 }
                    if number % 2 == 0 { try await wire.reset() } else { try await wire.finish() }
                    throw Engine.ClientLeft()
                }, runner: { $0.slots = 16 }
            ) { gateway, _ in
                try await Fault.forEach(0..<300, workers: 6) { number in
                    let count = number / 2 % (events.count + 1)
                    let wire = try await gateway.connect()
                    try await wire.send(
                        gateway.request(RunningGateway.chat(stream: true), fields: ["X-Request-Id: \(number)"]))
                    _ = try await wire.peek { $0.status == 200 && $0.events.count >= count }
                    mayDie.update { $0.insert("\(number)") }
                    let response = try await wire.response()
                    let isLoud = response.events.last?.hasPrefix("data: {\"error\":{") == true
                    if response.text.contains("[DONE]") || !isLoud || response.events.count != count + 1 {
                        silent.update { $0.append("\(number): \(response.text)") }
                    }
                    await wire.close()
                }
                try await gateway.settled()
            }
            #expect(deaths.value == 300 && silent.value.isEmpty, "\(silent.value.prefix(3))")
            Fault.report(
                "engine dies at each event boundary (FIN and RST)",
                "\(silent.value.count) silent truncations of \(deaths.value)")
        }

        /// Probes are off: the calls themselves have to detect the failure.
        @Test func oneOfThreeEnginesIsDown() async throws {
            let failed = Watched<[String]>([])
            let script = Engine.wellBehaved
            try await withEngines([script, script, script], runner: { $0.probe.every = .seconds(3600) }) {
                gateway, engines in
                await engines[0].stopListening()
                try await Self.eachOnAKeptConnection(1_000, gateway, failed) { number in
                    RunningGateway.chat(stream: number % 2 == 0)
                }
                #expect(engines.dropFirst().map { $0.counts.value.requests.count }.reduce(0, +) == 1_000)
                try await gateway.settled()
            }
            #expect(failed.value.isEmpty, "\(failed.value.prefix(3))")
            Fault.report("one of three engines down", "\(failed.value.count) failed of 1,000")
        }

        /// An engine that closes idle connections while the next request is on its way.
        @Test func staleConnectionsAreReplaced() async throws {
            let failed = Watched<[String]>([])
            // Retained, so that no later connection has the identifier of one of them.
            let used = Mutex<[ObjectIdentifier: Wire]>([:])
            try await withEngine { request, wire in
                guard used.withLock({ $0.updateValue(wire, forKey: ObjectIdentifier(wire)) }) == nil else {
                    if request.body.contains("reset") { try await wire.reset() } else { try await wire.finish() }
                    throw Engine.ClientLeft()
                }
                try await wire.send(Engine.document(Engine.completion()))
            } _: { gateway, engine in
                try await Self.eachOnAKeptConnection(3_000, gateway, failed) { number in
                    RunningGateway.chat(more: number % 2 == 0 ? "\"user\":\"reset\"," : "")
                }
                let stale = engine.counts.value.requests.count - 3_000
                #expect(stale > 500, "only \(stale) requests met a stale connection")
                try await gateway.settled()
            }
            #expect(failed.value.isEmpty, "\(failed.value.prefix(3))")
            Fault.report("stale kept-alive connections", "\(failed.value.count) failed of 3,000")
        }

        private static func eachOnAKeptConnection(
            _ count: Int, _ gateway: RunningGateway, _ failed: Watched<[String]>,
            _ body: @escaping @Sendable (Int) -> String
        ) async throws {
            let token = try gateway.token(["model:specific"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask {
                        let wire = try await gateway.connect()
                        for number in stride(from: worker, to: count, by: 4) {
                            try await wire.send(gateway.request(body(number), token: token))
                            let response = try await wire.response()
                            guard response.status == 200, response.endedCleanly else {
                                failed.update { $0.append("\(number): \(response.status) \(response.text)") }
                                continue
                            }
                        }
                        await wire.close()
                    }
                }
                try await group.waitForAll()
            }
        }

        /// In the middle of a stream and before its first byte; with FIN and with RST.
        @Test func aClientThatIsGoneStopsItsEngine() async throws {
            var slowest = Duration.zero
            var late = 0
            (slowest, late) = try await withEngine { request, wire in
                if request.body.contains("\"stream\":true") {
                    try await wire.send(Engine.streamHead + Engine.chunk(Engine.events()[0]))
                }
                try await Engine.silent(request, wire)
            } _: { gateway, engine in
                var slowest = Duration.zero
                var late = 0
                for number in 0..<300 {
                    let streams = number % 4 < 2
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(RunningGateway.chat(stream: streams)))
                    _ = try await engine.counts.value { $0.requests.count == number + 1 }
                    if streams { try await wire.read(until: "t0") }
                    let start = ContinuousClock.now
                    if number % 2 == 0 { try await wire.reset() } else { await wire.close() }
                    _ = try await engine.counts.value { $0.departures == number + 1 }
                    let took = ContinuousClock.now - start
                    slowest = max(slowest, took)
                    if took > .seconds(1) { late += 1 }
                }
                try await gateway.settled()
                return (slowest, late)
            }
            #expect(late == 0, "the slowest took \(slowest)")
            Fault.report(
                "client gone",
                "upstream cancelled within 1 s in \(300 - late) of 300, the slowest in \(Fault.milliseconds(slowest))")
        }

        /// SIGTERM lets streams that are shorter than `server.drain` finish.
        @Test func aShutdownLetsStreamsEnd() async throws {
            let mayGoOn = Watched(false)
            let events = Engine.events()
            let complete = try await withEngine(
                { _, wire in
                    try await wire.send(Engine.streamHead + Engine.chunk(events[0]))
                    _ = try await mayGoOn.value { $0 }
                    for event in events.dropFirst() { try await wire.send(Engine.chunk(event)) }
                    try await wire.send(Engine.lastChunk)
                }, runner: { $0.slots = 128 }
            ) { gateway, _ in
                var wires: [Wire] = []
                for _ in 1...100 {
                    let wire = try await gateway.connect()
                    try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                    wires.append(wire)
                }
                for wire in wires { try await wire.read(until: "t0") }
                await gateway.shutDown()
                try await gateway.refusesConnections()
                mayGoOn.update { $0 = true }
                var complete = 0
                for wire in wires {
                    let response = try await wire.response()
                    if response.text == events.joined(), response.endedCleanly { complete += 1 }
                }
                return complete
            }
            #expect(complete == 100)
            Fault.report("SIGTERM under 100 streams", "\(complete) of 100 end with [DONE]")
        }

        /// Responses that are not HTTP/1.1: the bytes that follow them on the connection could be anything.
        @Test func malformedResponsesAreNotForwardedAndTheirConnectionsNotReused() async throws {
            let responses = [
                "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n",
                "\u{0}\u{1}\u{2}\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 2\r\n\r\n{}",
                "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 200_000))\r\nContent-Length: 2\r\n\r\n{}",
            ]
            let (passedOn, reused) = try await withEngine { request, wire in
                let number = try #require(request["x-request-id"].flatMap { Int($0) })
                try await wire.send(responses[number])
            } _: { gateway, engine in
                var passedOn = 0
                for number in responses.indices {
                    for stream in [false, true] {
                        let response = try await gateway.send(
                            RunningGateway.chat(stream: stream), fields: ["X-Request-Id: \(number)"])
                        let isRefusal = try response.status == 502 && response.error().code == "upstream_error"
                        #expect(isRefusal, "\(responses[number].prefix(80)): \(response.status) \(response.text)")
                        if !isRefusal { passedOn += 1 }
                    }
                }
                let counts = engine.counts.value
                try await gateway.settled()
                return (passedOn, counts.requests.count - counts.connections)
            }
            #expect(passedOn == 0 && reused == 0)
            Fault.report(
                "malformed upstream answers",
                "\(passedOn) passed on of \(2 * responses.count), \(reused) connections used again")
        }

        /// An unsolicited second response must not become the response to the next caller.
        @Test func anExtraResponseIsDiscarded() async throws {
            let poisoned = try await withEngine { request, wire in
                let id = request["x-request-id"] ?? ""
                try await wire.send(
                    Engine.document(Engine.completion("for \(id)")) + Engine.document(Engine.completion("stolen")))
            } _: { gateway, _ in
                var poisoned = 0
                for number in 0..<50 {
                    let response = try await gateway.send(RunningGateway.chat(), fields: ["X-Request-Id: \(number)"])
                    if response.status == 200, response.text != Engine.completion("for \(number)") { poisoned += 1 }
                }
                try await gateway.settled()
                return poisoned
            }
            #expect(poisoned == 0)
            Fault.report("an unsolicited second answer", "\(poisoned) of 50 callers got it")
        }
    }
}
