import Relay
import SimpleAICore
import Testing

@testable import LocalFleet
@testable import RunnerAgent

extension Integration {
    /// An agent in front of an engine, and addresses that try to use all of its capacity.
    @Suite struct AgentShareTests {
        private static let greedy = "127.0.0.2"

        @Test func connectionsAreSharedOutByAddress() async throws {
            try await AgentServer.with(
                ScriptedEngine.wellBehaved, connectionRule: FairShare(capacity: 8, minShare: 2)
            ) { agent in
                var wires: [Wire] = []
                for _ in 0..<4 {
                    let wire = try await agent.connect(from: Self.greedy)
                    try await wire.send(agent.request("", "GET", "/health"))
                    #expect(try await wire.response().status == 200)
                    wires.append(wire)
                }
                for _ in 0..<3 {
                    let wire = try await agent.connect(from: Self.greedy)
                    try await wire.isLeft()
                    await wire.close()
                }
                #expect(try await agent.send(RunningGateway.chat()).status == 200, "from another address")
                await wires[0].close()
                // The slot is free as soon as the agent has seen the client disconnect.
                while true {
                    let wire = try await agent.connect(from: Self.greedy)
                    try? await wire.send(agent.request("", "GET", "/health", fields: ["Connection: close"]))
                    // A connection that is refused closes without a response.
                    let text = try await wire.readToEnd()
                    await wire.close()
                    if text.hasPrefix("HTTP/1.1 200 ") { break }
                    try Task.checkCancellation()
                }
                for wire in wires { await wire.close() }
                try await agent.settled()
            }
        }

        @Test func memoryForBodiesIsSharedOutByAddress() async throws {
            try await AgentServer.with(
                ScriptedEngine.wellBehaved, budget: BufferBudget(limit: 1 << 20, minShare: 128 << 10)
            ) { agent in
                let body = RunningGateway.chat(more: "\"x\":\"\(String(repeating: "x", count: 200 << 10))\",")
                var wires: [Wire] = []
                for _ in 0..<3 {
                    let wire = try await agent.connect(from: Self.greedy)
                    // All but the last byte.
                    try await wire.send(String(agent.request(body).dropLast()))
                    wires.append(wire)
                }
                // All calls have arrived when one more of the same address is refused.
                var refused = try await agent.send(body, from: Self.greedy)
                while refused.status == 200 {
                    try Task.checkCancellation()
                    refused = try await agent.send(body, from: Self.greedy)
                }
                #expect(refused.status == 503)
                #expect(try refused.error().code == "queue_full")
                let small = RunningGateway.chat(more: "\"x\":\"\(String(repeating: "x", count: 100 << 10))\",")
                #expect(try await agent.send(small).status == 200, "from another address")
                for wire in wires { await wire.close() }
                while agent.services.budget.bytesInUse > 0 { try Task.checkCancellation() }
                try await agent.settled()
            }
        }
    }
}
