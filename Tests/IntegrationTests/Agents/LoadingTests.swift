import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Models that are loaded on demand: gateway, real agent, and an engine that loads like Ollama.
    @Suite struct LoadingTests {
        private static func chat(_ model: String, tokens: Int = 4, stream: Bool = false) -> String {
            RunningGateway.chat(model, stream: stream, more: "\"max_tokens\":\(tokens),")
        }

        @Test func twentyCallsForAModelThatIsNotLoadedLoadItOnce() async throws {
            try await JoinedMachine.with(models: ["a"], loading: ModelLoading()) { fleet in
                let responses = try await fleet.gateway.chats(20, Self.chat("a"))
                #expect(responses.map(\.status) == Array(repeating: 200, count: 20))
                #expect(fleet.memory.now.loads == ["a": 1])
                // The gateway loaded the model in advance; no call caused a load.
                #expect(fleet.memory.now.unexpectedLoads == 0)
                #expect(try await fleet.gateway.send(Self.chat("a")).status == 200)
                #expect(fleet.memory.now.loads == ["a": 1])
                try await fleet.gateway.settled()
            }
        }

        /// Three models of 1 GiB on a card of 2 GiB: only the least recently used model is unloaded.
        @Test func theModelThatWasUsedLongestAgoMakesRoom() async throws {
            try await JoinedMachine.with(
                models: ["a", "b", "c"], loading: ModelLoading(size: .mebibytes(1024)),
                machine: { $0.graphicsMemory = .mebibytes(2048) }
            ) { fleet in
                for model in ["a", "b", "a"] {
                    #expect(try await fleet.gateway.send(Self.chat(model)).status == 200)
                }
                #expect(fleet.memory.now.loaded == ["a", "b"])
                #expect(try await fleet.gateway.send(Self.chat("c")).status == 200)
                #expect(fleet.memory.now.loaded == ["a", "c"])
                #expect(fleet.memory.now.unloads == ["b": 1])
                #expect(try await fleet.gateway.send(Self.chat("b")).status == 200)
                #expect(fleet.memory.now.loaded == ["b", "c"])
                #expect(fleet.memory.now.loads == ["a": 1, "b": 2, "c": 1])
                #expect(fleet.memory.now.unexpectedLoads == 0)
                try await fleet.gateway.settled()
            }
        }

        /// A stream uses the model that must be unloaded: the requested model is loaded after the stream ends, not
        /// before.
        @Test func aCallUnderWayIsNeverCutByASwap() async throws {
            try await JoinedMachine.with(
                models: ["a", "b"], loading: ModelLoading(atStart: ["a"], size: .mebibytes(1024)),
                machine: {
                    $0.graphicsMemory = .mebibytes(1024)
                    $0.engine.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 1)
                }
            ) { fleet in
                let stream = try await fleet.gateway.connect()
                try await stream.send(fleet.gateway.request(Self.chat("a", tokens: 3, stream: true)))
                _ = try await stream.peek { $0.text.contains("\"content\":\"") }
                fleet.machine.engine.setPace(EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0))
                let other = try await fleet.gateway.connect()
                try await other.send(fleet.gateway.request(Self.chat("b")))
                let response = try await stream.response()
                #expect(response.events.last == "data: [DONE]\n\n")
                #expect(try await other.response().status == 200)
                #expect(fleet.memory.now.cuts == 0 && fleet.memory.now.unexpectedLoads == 0)
                #expect(fleet.memory.now.loaded == ["b"])
                await stream.close()
                await other.close()
                try await fleet.gateway.settled()
            }
        }

        /// The failure is remembered: the next call gets the error at once, without another attempt.
        @Test func reportsAModelThatCannotBeLoaded() async throws {
            var loading = ModelLoading(atStart: ["a"])
            loading.broken = ["b"]
            try await JoinedMachine.with(models: ["a", "b"], loading: loading) { fleet in
                for _ in 1...3 {
                    let response = try await fleet.gateway.send(Self.chat("b"))
                    #expect(response.status == 503)
                    #expect(response["retry-after"].flatMap { Int($0) }.map { (1...60).contains($0) } == true)
                    #expect(try response.error().code == "no_runner_available")
                }
                #expect(fleet.memory.now.loads == ["b": 1])
                // The other model serves calls throughout.
                #expect(try await fleet.gateway.send(Self.chat("a")).status == 200)
            }
        }
    }
}
