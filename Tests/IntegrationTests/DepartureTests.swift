import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// The client disconnects: its engine stops generating, and its lease is returned.
    @Suite struct DepartureTests {
        enum Disconnect: String, CaseIterable, Sendable {
            case fin, halfClose, reset

            func leave(_ wire: Wire) async throws {
                switch self {
                case .fin: await wire.close()
                case .halfClose: try await wire.finish()
                case .reset: try await wire.reset()
                }
            }
        }

        @Test(arguments: Disconnect.allCases, [false, true])
        func beforeTheFirstByte(disconnect: Disconnect, stream: Bool) async throws {
            try await withEngine(ScriptedEngine.silent) { gateway, engine in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: stream)))
                _ = try await engine.counts.value { $0.requests.count == 1 }
                try await disconnect.leave(wire)
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
            }
        }

        /// A pipelined request does not start after its client has disconnected.
        @Test func withACallSentAhead() async throws {
            try await withEngine(ScriptedEngine.silent) { gateway, _ in
                for _ in 1...40 {
                    let wire = try await gateway.connect()
                    try await wire.send(
                        gateway.request("", "GET", "/v1/models") + gateway.request(RunningGateway.chat()))
                    try await wire.reset()
                }
                try await gateway.settled()
            }
        }

        @Test(arguments: Disconnect.allCases)
        func inTheMiddleOfAStream(disconnect: Disconnect) async throws {
            try await withEngine { request, wire in
                try await wire.send(ScriptedEngine.streamHead + ScriptedEngine.chunk(ScriptedEngine.events()[0]))
                try await ScriptedEngine.silent(request, wire)
            } _: { gateway, engine in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat(stream: true)))
                try await wire.read(until: "t0")
                try await disconnect.leave(wire)
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
                let metrics = try await gateway.metrics { _ in true }
                #expect(metrics["simpleai_calls_total{class=\"exact\",code=\"client_gone\"}"] == 1)
            }
        }

        @Test func inTheMiddleOfADocument() async throws {
            try await withEngine { request, wire in
                try await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"model\":")
                try await ScriptedEngine.silent(request, wire)
            } _: { gateway, engine in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(RunningGateway.chat()))
                _ = try await engine.counts.value { $0.requests.count == 1 }
                await wire.close()
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
            }
        }

        @Test(arguments: Disconnect.allCases)
        func whileQueued(disconnect: Disconnect) async throws {
            try await withEngine(ScriptedEngine.silent, runner: { $0.slots = 1 }) { gateway, engine in
                let first = try await gateway.connect()
                try await first.send(gateway.request(RunningGateway.chat()))
                _ = try await engine.counts.value { $0.requests.count == 1 }
                let second = try await gateway.connect()
                try await second.send(gateway.request(RunningGateway.chat(stream: true)))
                _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == 1 }
                try await disconnect.leave(second)
                _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == 0 && $0["simpleai_calls_open"] == 1 }
                await first.close()
                try await gateway.settled()
                #expect(engine.counts.value.requests.count == 1, "who has left is not served")
            }
        }

        /// A pipelined request behind a call must not hide that the client has disconnected.
        @Test func withAnotherRequestInTheQueue() async throws {
            try await withEngine(ScriptedEngine.silent) { gateway, engine in
                let wire = try await gateway.connect()
                let call = try gateway.request(RunningGateway.chat())
                try await wire.send(call + call)
                _ = try await engine.counts.value { $0.requests.count == 1 }
                await wire.close()
                _ = try await engine.counts.value { $0.departures == 1 }
                try await gateway.settled()
                #expect(engine.counts.value.requests.count == 1)
            }
        }

        @Test func inTheMiddleOfTheRequest() async throws {
            try await withEngine(ScriptedEngine.silent) { gateway, engine in
                let call = try gateway.request(RunningGateway.chat())
                for disconnect in Disconnect.allCases {
                    let wire = try await gateway.connect()
                    try await wire.send(String(call.dropLast(5)))
                    _ = try await gateway.metrics { $0["simpleai_calls_open"] == 1 }
                    try await disconnect.leave(wire)
                    try await gateway.settled()
                }
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        @Test func manyAtOnceLeaveNothingBehind() async throws {
            try await withEngine(ScriptedEngine.silent, runner: { $0.slots = 20 }) { gateway, engine in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<60 {
                        group.addTask {
                            let wire = try await gateway.connect()
                            try await wire.send(gateway.request(RunningGateway.chat(stream: number % 2 == 0)))
                            _ = try await engine.counts.value { $0.requests.count >= 20 }
                            if number % 3 == 0 { try await wire.reset() } else { await wire.close() }
                        }
                    }
                    try await group.waitForAll()
                }
                try await gateway.settled()
                let counts = engine.counts.value
                #expect(counts.departures == counts.requests.count || counts.departures >= 20)
            }
        }
    }
}
