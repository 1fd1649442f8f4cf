import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// The gateway knows from an agent which endpoints its engine serves, before any call.
    @Suite struct ReportedEndpointTests {
        @Test(arguments: [nil, ModelLoading(atStart: ["m"])] as [ModelLoading?])
        func callsForOtherEndpointsReachNoEngine(loading: ModelLoading?) async throws {
            try await JoinedMachine.with(models: ["m"], loading: loading) { options in
                options.engine.endpoints = [.chatCompletions, .ollamaGenerate]
            } _: { joined in
                let response = try await joined.gateway.send(#"{"model":"m","input":"x"}"#, "POST", "/v1/embeddings")
                #expect(response.status == 501)
                #expect(try response.error().code == "endpoint_not_supported")
                #expect(joined.machine.engine.receivedRequests.isEmpty)
                #expect(try await joined.gateway.send(RunningGateway.chat()).status == 200)
            }
        }

        /// A call that the machine cannot serve does not wake it.
        @Test func theKnowledgeOutlivesTheMachinesSleep() async throws {
            try await JoinedMachine.with(models: ["m"], loading: nil) { options in
                options.engine.endpoints = [.chatCompletions]
            } _: { joined in
                try await joined.machine.sleep()
                try await joined.gateway.await(.asleep, 1)
                let response = try await joined.gateway.send(#"{"model":"m","input":"x"}"#, "POST", "/v1/embeddings")
                #expect(response.status == 501)
                #expect(joined.machine.status.wakes == 0)
            }
        }
    }
}
