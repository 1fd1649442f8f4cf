import RunnerProtocol
import SimpleAICore
import Testing

@testable import FleetControl

@Suite struct ReportedEndpointsTests {
    private func endpoints(
        _ engines: [EngineStatus], aliases: [ModelID: EngineModelID] = [:]
    ) -> [ModelID: EndpointSet] {
        let runner = Runner(id: "r", machineType: "", canBeWoken: false, aliases: aliases)
        return RunnerStatus(health: .healthy, engines: engines, modelAliases: aliases).endpoints(of: runner)
    }

    private func engine(
        _ models: [EngineModel], loaded: [String] = [], _ endpoints: [Endpoint]? = [.chatCompletions, .embeddings],
        isHealthy: Bool = true
    ) -> EngineStatus {
        EngineStatus(
            engineType: "x", isHealthy: isHealthy, loadedModels: loaded, availableModels: models, endpoints: endpoints)
    }

    @Test func engineAndCapabilitiesTogetherDecide() {
        let models = [
            EngineModel(id: "chat", capabilities: [.chat, .tools]),
            EngineModel(id: "vectors", capabilities: [.embedding]),
            EngineModel(id: "unknown"),
        ]
        let known = endpoints([engine(models, loaded: ["loaded"])])
        #expect(known["chat"]?.endpoints == [.chatCompletions])
        #expect(known["vectors"]?.endpoints == [.embeddings])
        #expect(known["unknown"]?.endpoints == [.chatCompletions, .embeddings])
        #expect(known["loaded"]?.endpoints == [.chatCompletions, .embeddings])
    }

    @Test func capabilitiesAloneExcludeOtherEndpoints() {
        let known = endpoints([engine([EngineModel(id: "v", capabilities: [.embedding])], nil)])
        #expect(known["v"]?.endpoints == [.embeddings, .ollamaEmbed, .ollamaEmbeddings])
    }

    /// A name may mislead.
    @Test func guessesExcludeNothing() {
        let model = EngineModel(id: "whisper-chat", capabilities: [.transcription], capabilitiesAreGuessed: true)
        #expect(endpoints([engine([model], nil)])["whisper-chat"] == .all)
    }

    @Test func modelsAreKnownByTheIDsOfCallers() {
        let models = [EngineModel(id: "own:latest", capabilities: [.chat]), EngineModel(id: "x:latest")]
        let known = endpoints([engine(models)], aliases: ["public": "own:latest"])
        #expect(known["public"]?.endpoints == [.chatCompletions])
        #expect(known["x"]?.endpoints == [.chatCompletions, .embeddings])
        #expect(known["own:latest"] == nil)
    }

    @Test func severalEnginesServeTogetherAndUnhealthyOnesNot() {
        let model = EngineModel(id: "m")
        let known = endpoints([
            engine([model], [.chatCompletions]), engine([model], [.embeddings]),
            engine([model], [.rerank], isHealthy: false),
        ])
        #expect(known["m"]?.endpoints == [.chatCompletions, .embeddings])
        #expect(endpoints([engine([model], isHealthy: false)]).isEmpty)
    }
}
