import Relay
import RunnerProtocol
import SimpleAICore

/// Any server with OpenAI's API: vLLM, LM Studio, TGI and many more. It can serve every model that it lists.
struct OpenAICompatible: Engine {
    let type = "openai"
    let upstream: Upstream
    let control: EngineControl
    /// From the settings, otherwise 1.
    let slots: Int?
    let discovery = EndpointDiscovery()

    func inspect() async throws(EngineFault) -> EngineStatus {
        let list: OpenAIModelList
        do throws(EngineFault) {
            list = try await control.get("/v1/models", as: OpenAIModelList.self)
        } catch {
            discovery.forget()
            throw error
        }
        let endpoints = await discovery.endpoints(for: list.data.entries.map(\.id)) {
            await EndpointDiscovery.byDescription(from: control)
        }
        var status = EngineStatus(
            engineType: type, isHealthy: true, loadedModels: list.data.entries.map(\.id),
            availableModels: list.data.entries.map(\.model), batchSize: slots ?? 1, slots: slots,
            endpoints: endpoints?.endpoints)
        status.omit(list.data.omitted, "an entry of /v1/models lacks a string id")
        return status
    }
}

/// The response of `GET /v1/models`, with the extensions of llama.cpp and vLLM.
struct OpenAIModelList: Decodable {
    struct Entry: Decodable {
        struct Meta: Decodable {
            var size: Int?
            var parameters: Int?
            var trainingContext: Int?

            enum CodingKeys: String, CodingKey {
                case size
                case parameters = "n_params"
                case trainingContext = "n_ctx_train"
            }
        }

        let id: String
        var maxModelLength: Int?
        var meta: Meta?
        /// The context length under the names that other engines use: the length in use, otherwise the maximum.
        var otherLength: Int?
        /// What the model can do, in the words of its engine.
        var capabilities: Set<ModelCapability> = []

        enum CodingKeys: String, CodingKey {
            case id, meta, capabilities, type, task
            case modelType = "model_type"
            case maxModelLength = "max_model_len"
            case loadedLength = "loaded_context_length"
            case contextLength = "context_length"
            case contextWindow = "context_window"
            case maxContextLength = "max_context_length"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            id = try fields.decode(String.self, forKey: .id)
            // Only informative: a value of unexpected shape is treated as absent.
            maxModelLength = try? fields.decodeIfPresent(Int.self, forKey: .maxModelLength)
            meta = try? fields.decodeIfPresent(Meta.self, forKey: .meta)
            otherLength =
                [.loadedLength, .contextLength, .contextWindow, .maxContextLength].lazy
                .compactMap { (key: CodingKeys) in try? fields.decodeIfPresent(Int.self, forKey: key) }.first
            // Infinity and others: `capabilities`; LM Studio: `type`; Speaches: `task`; Xinference: `model_type`.
            for key in [CodingKeys.capabilities, .type, .task, .modelType] {
                guard let value = try? fields.decodeIfPresent(JSONValue.self, forKey: key) else { continue }
                let members = value.object?.filter { $0.value == .bool(true) }.keys.map(\.rawValue)
                let names = value.string.map { [$0] } ?? value.stringElements ?? members ?? []
                for name in names { capabilities.formUnion(ModelCapability.named(name.lowercased())) }
            }
        }

        var model: EngineModel {
            var model = EngineModel(
                id: id, sizeBytes: meta?.size, parameterCount: meta?.parameters,
                contextLength: maxModelLength ?? otherLength ?? meta?.trainingContext)
            model.state(capabilities)
            return model
        }
    }

    let data: TolerantList<Entry>

    private enum CodingKeys: CodingKey { case data }

    init(from decoder: any Decoder) throws {
        // Some servers respond with the bare list.
        if let list = try? TolerantList<Entry>(from: decoder) {
            data = list
        } else {
            data = try decoder.container(keyedBy: CodingKeys.self).decode(TolerantList<Entry>.self, forKey: .data)
        }
    }
}
