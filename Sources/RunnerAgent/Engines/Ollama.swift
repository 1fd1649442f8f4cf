import Relay
import RunnerProtocol
import SimpleAICore
import Synchronization

/// Ollama, through its own API: the models on disk, the models in memory, and requests to load and unload them.
final class Ollama: Engine {
    let type = "ollama"
    let upstream: Upstream
    private let control: EngineControl
    private let slots: Int?
    /// Details of models that were queried, by digest: an unchanged file needs no second query.
    private let details = Mutex<[ExactString: Details]>([:])
    private let discovery = EndpointDiscovery()

    /// From disk into memory; large models on slow disks take minutes.
    private static let loadTimeout: Duration = .seconds(600)

    init(upstream: Upstream, control: EngineControl, slots: Int?) {
        self.upstream = upstream
        self.control = control
        self.slots = slots
    }

    func inspect() async throws(EngineFault) -> EngineStatus {
        do throws(EngineFault) {
            return try await inspectNow()
        } catch {
            discovery.forget()
            throw error
        }
    }

    private func inspectNow() async throws(EngineFault) -> EngineStatus {
        let tags = try await control.get("/api/tags", as: Tags.self).models
        let running = try await control.get("/api/ps", as: Running.self).models.entries
        let version = try? await control.get("/api/version", as: Version.self).version
        // Its endpoints depend only on its version.
        let endpoints = await discovery.endpoints(for: [version ?? ""]) {
            await EndpointDiscovery.byOtherMethod(of: Endpoint.allCases, surely: .ollamaGenerate, at: control)
        }
        var models: [EngineModel] = []
        for tag in tags.entries { models.append(tag.model(with: await details(of: tag))) }
        var status = EngineStatus(
            engineType: type, isHealthy: true, version: version, loadedModels: running.map(\.name),
            availableModels: models, batchSize: slots ?? 1, slots: slots, endpoints: endpoints?.endpoints)
        status.omit(tags.omitted, "an entry of /api/tags lacks a string name")
        return status
    }

    func load(_ model: String) async throws(EngineFault) {
        // An empty prompt loads the model; the response arrives when that is done.
        do throws(EngineFault) {
            try await control.post("/api/generate", LoadRequest(model: model), timeout: Self.loadTimeout)
        } catch .errorStatus(400, _) {
            // Embedding models accept no prompts.
            try await control.post("/api/embed", LoadRequest(model: model, input: ""), timeout: Self.loadTimeout)
        }
    }

    func unload(_ model: String) async throws(EngineFault) {
        do throws(EngineFault) {
            try await control.post("/api/generate", LoadRequest(model: model, keepAlive: 0))
        } catch .errorStatus(400, _) {
            try await control.post("/api/embed", LoadRequest(model: model, input: "", keepAlive: 0))
        }
    }

    /// Details that only `/api/show` contains; empty if it does not respond.
    private func details(of tag: Tags.Model) async -> Details {
        let key = ExactString(tag.digest ?? tag.name)
        if let known = details.withLock({ $0[key] }) { return known }
        guard let response = try? await control.post("/api/show", LoadRequest(model: tag.name)),
            let show = try? control.decode(Show.self, from: response)
        else { return Details() }
        let found = Details(show)
        details.withLock { $0[key] = found }
        return found
    }

    // MARK: API documents

    private struct LoadRequest: Encodable {
        let model: String
        var input: String?
        /// In seconds; nil keeps the engine's own setting.
        var keepAlive: Int?

        enum CodingKeys: String, CodingKey {
            case model, input
            case keepAlive = "keep_alive"
        }
    }

    private struct Version: Decodable { let version: String }

    private struct Running: Decodable {
        struct Model: Decodable { let name: String }
        let models: TolerantList<Model>
    }

    private struct Tags: Decodable {
        struct Model: Decodable {
            struct Details: Decodable {
                var quantization: String?
                enum CodingKeys: String, CodingKey { case quantization = "quantization_level" }
            }
            let name: String
            private(set) var modifiedAt: String?
            private(set) var size: Int?
            private(set) var digest: String?
            private(set) var details: Details?

            enum CodingKeys: String, CodingKey {
                case name, size, digest, details
                case modifiedAt = "modified_at"
            }

            init(from decoder: any Decoder) throws {
                let fields = try decoder.container(keyedBy: CodingKeys.self)
                name = try fields.decode(String.self, forKey: .name)
                // Only informative: a value of unexpected shape is treated as absent.
                modifiedAt = try? fields.decodeIfPresent(String.self, forKey: .modifiedAt)
                size = try? fields.decodeIfPresent(Int.self, forKey: .size)
                digest = try? fields.decodeIfPresent(String.self, forKey: .digest)
                details = try? fields.decodeIfPresent(Details.self, forKey: .details)
            }

            func model(with more: Ollama.Details) -> EngineModel {
                var model = EngineModel(
                    id: name, sizeBytes: size, parameterCount: more.parameters, contextLength: more.context,
                    quantization: details?.quantization, modifiedAt: modifiedAt)
                model.state(more.capabilities)
                return model
            }
        }
        let models: TolerantList<Model>
    }

    fileprivate struct Show: Decodable {
        /// Numbers, strings and lists under names such as `llama.context_length`.
        let info: JSONValue
        /// Absent in versions before 0.6.4.
        var capabilities: JSONValue?
        enum CodingKeys: String, CodingKey {
            case info = "model_info"
            case capabilities
        }
    }

    struct Details: Sendable {
        var parameters: Int?
        var context: Int?
        var capabilities: Set<ModelCapability> = []

        init() {}

        fileprivate init(_ show: Show) {
            for (key, value) in show.info.object ?? [:] {
                guard let number = value.number, let whole = Int(exactly: number.rounded()) else { continue }
                if key == "general.parameter_count" { parameters = whole }
                if key.rawValue.hasSuffix(".context_length") { context = whole }
            }
            for name in show.capabilities?.stringElements ?? [] {
                // Ollama's name for models that accept audio.
                capabilities.formUnion(name == "audio" ? [.transcription] : ModelCapability.named(name))
            }
        }
    }
}
