import NIOCore
import RunnerProtocol
import SimpleAICore
import Testing

@testable import FleetControl

struct ContextLengthsTests {
    /// In the formats of engines.
    @Test(arguments: [
        (#"{"id":"m","max_model_len":262144}"#, 262_144), (#"{"id":"m","context_length":32768}"#, 32_768),
        (#"{"id":"m","meta":{"n_ctx_train":131072,"n_params":8}}"#, 131_072),
        (#"{"id":"m","meta":{"n_ctx_train":131072,"n_ctx":4096}}"#, 4_096),
        (#"{"id":"m","max_context_length":131072,"loaded_context_length":4096}"#, 4_096),
        (#"{"id":"m","max_context_length":131072}"#, 131_072), (#"{"id":"m","context_window":8192}"#, 8_192),
        (#"{"id":"m","context_length":null,"max_model_len":7}"#, 7), (#"{"id":"m"}"#, nil),
        (#"{"id":"m","meta":null}"#, nil), (#"{"id":"m","context_length":0}"#, nil),
        (#"{"id":"m","context_length":-1}"#, nil), (#"{"id":"m","context_length":"long"}"#, nil),
        (#"{"id":"m","context_length":1e400}"#, nil), (#"{"id":"m","context_length":99999999999999999999}"#, nil),
    ]) func readsTheLengthFromAnEnginesList(_ entry: String, _ expected: Int?) {
        let list = EngineModelList(ByteBuffer(string: #"{"data":[\#(entry)]}"#))
        #expect(list?.contextLengths["m"] == expected)
    }

    @Test func readsTheLengthsFromAnAgent() {
        let status = RunnerStatus(
            health: .healthy,
            engines: [
                EngineStatus(
                    engineType: "ollama", isHealthy: false,
                    availableModels: [EngineModel(id: "a", contextLength: 1)]),
                EngineStatus(
                    engineType: "ollama", isHealthy: true,
                    availableModels: [
                        EngineModel(id: "a", contextLength: 2), EngineModel(id: "b"),
                        EngineModel(id: "c", contextLength: 0),
                    ]),
                EngineStatus(
                    engineType: "openai", isHealthy: true,
                    availableModels: [EngineModel(id: "a", contextLength: 3)]),
            ])
        #expect(status.contextLengths == ["a": 2])
    }

    @Test func onlyChangesAreReported() {
        let lengths = ContextLengths(["r": ["m": 1]])
        #expect(!lengths.put(["m": 1], of: "r"))
        #expect(lengths.put(["m": 2], of: "r"))
        #expect(lengths.put([:], of: "r") && lengths.all.isEmpty)
        #expect(!lengths.put([:], of: "r"))
    }
}
