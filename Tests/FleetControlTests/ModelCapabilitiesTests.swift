import NIOCore
import RunnerProtocol
import SimpleAICore
import Testing

@testable import FleetControl

struct ModelCapabilitiesTests {
    /// In the formats of engines.
    @Test(
        arguments: [
            (#"{"id":"m","capabilities":["completion","tools","vision","insert"]}"#, [.chat, .tools, .vision]),
            (
                #"{"id":"m","capabilities":{"completion_chat":true,"function_calling":true,"vision":false}}"#,
                [.chat, .tools]
            ),
            (#"{"id":"m","type":"vlm","capabilities":["tool_use"]}"#, [.chat, .vision, .tools]),
            (#"{"id":"m","type":"embeddings"}"#, [.embedding]), (#"{"id":"m","type":"model"}"#, nil),
            (#"{"id":"m","task":"automatic-speech-recognition"}"#, [.transcription]),
            (#"{"id":"m","task":"text-to-speech"}"#, [.speech]), (#"{"id":"m","capabilities":["rerank"]}"#, [.rerank]),
            (
                #"{"id":"m","architecture":{"input_modalities":["text","image"],"output_modalities":["text"]},"supported_parameters":["tools","seed"]}"#,
                [.chat, .vision, .tools]
            ),
            (#"{"id":"m"}"#, nil), (#"{"id":"m","capabilities":null,"type":7,"task":[],"architecture":"x"}"#, nil),
        ] as [(String, Set<ModelCapability>?)])
    func readsCapabilitiesFromAnEnginesList(_ entry: String, _ expected: Set<ModelCapability>?) {
        let list = EngineModelList(ByteBuffer(string: #"{"data":[\#(entry)]}"#))
        #expect(list?.models == ["m"] && list?.capabilities["m"] == expected)
    }

    @Test func readsCapabilitiesFromTheSecondListOfLlamaServer() {
        let list = EngineModelList(
            ByteBuffer(
                string: #"""
                    {"models":[{"name":"m","model":"m","capabilities":["completion","multimodal"]},{"name":"x","capabilities":["embed"]},7],
                    "data":[{"id":"m"}]}
                    """#))
        #expect(list?.models == ["m"] && list?.capabilities == ["m": [.chat, .vision]])
    }

    @Test func readsCapabilitiesFromAnAgent() {
        let status = RunnerStatus(
            health: .healthy,
            capabilities: [
                RunnerCapability(capability: "chat", status: "ready", modelID: "public"),
                RunnerCapability(capability: "vision", status: "ready", modelID: "b"),
                RunnerCapability(capability: "inference", status: "ready", modelID: "c"),
                RunnerCapability(capability: "chat", status: "ready", modelID: "unlisted"),
            ],
            engines: [
                EngineStatus(
                    engineType: "x", isHealthy: true,
                    availableModels: [EngineModel(id: "a"), EngineModel(id: "b"), EngineModel(id: "c")])
            ], modelAliases: ["public": "a"])
        #expect(status.modelCapabilities == ["a": [.chat], "b": [.vision]])
    }
}
