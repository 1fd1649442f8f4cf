import Foundation
import HTTPTypes
import Hummingbird
import SimpleAICore

/// Ollama's own API: calls, and requests that load or unload a model.
extension EngineWork {
    func ollamaRespond<Format: ResponseFormat>(as format: Format.Type) async throws -> Response {
        if request.isLoadRequest(at: endpoint) {
            try await loadOrUnload()
            let reason: JSONText = request.unloads ? "unload" : "load"
            let empty: (String, JSONText) =
                endpoint == .ollamaChat ? ("message", ["role": "assistant", "content": ""]) : ("response", "")
            return Response(json: envelope.ollamaObject([empty, ("done", true), ("done_reason", reason)]))
        }
        let simulatedResponse = SimulatedResponse(to: request, seed: seed)
        return try await respond(as: format, streams: true, simulatedResponse)
    }

    func ollamaEmbed() async throws -> Response {
        try checkDimensions()
        let texts = request.input?.texts ?? request.prompt?.texts ?? []
        if request.isLoadRequest(at: endpoint) {
            try await loadOrUnload()
            return Response(json: embeddings([], of: texts))
        }
        let vectors = texts.map {
            Embedding(of: $0, seed: seed, dimensions: request.dimensions ?? 64).json(asBase64: false)
        }
        return try await document(embeddings(vectors, of: texts))
    }

    private func embeddings(_ vectors: [JSONText], of texts: [String]) -> JSONText {
        guard endpoint == .ollamaEmbed else { return ["embedding": vectors.first ?? []] }
        return [
            "model": .string(model), "embeddings": .array(vectors), "total_duration": 1, "load_duration": 1,
            "prompt_eval_count": .integer(SimulatedResponse.tokenCount(of: texts)),
        ]
    }

    private func loadOrUnload() async throws {
        guard engine.options.loading != nil else { return }
        if request.unloads {
            engine.memory.unload(ModelID(model))
        } else {
            do {
                try await engine.memory.load(ModelID(model))
            } catch is ModelMemory.NotAModel {
                throw EngineError.damagedModel
            }
        }
    }
}

extension InferenceRequest {
    /// Whether the request has no input, so that Ollama only loads or unloads the model.
    func isLoadRequest(at endpoint: Endpoint) -> Bool {
        switch endpoint {
        case .ollamaChat: messages?.isEmpty ?? true
        case .ollamaGenerate, .ollamaEmbeddings: prompt?.texts.allSatisfy(\.isEmpty) ?? true
        case .ollamaEmbed: input?.texts.allSatisfy(\.isEmpty) ?? true
        default: false
        }
    }
}

/// The parts of Ollama's API that list models and describe them.
struct OllamaLists {
    let engine: SimulatedEngine

    private static let maxRequestSize = 64 << 10

    func add(to router: Router<EngineContext>) {
        router.get("/") { _, _ in Response(text: "Ollama is running (simulated)", mediaType: "text/plain") }
        router.head("/") { _, _ in Response(text: "", mediaType: "text/plain") }
        router.get("/api/version") { _, _ in Response(json: ["version": "0.0.0-simulated"]) }
        router.get("/api/tags") { _, _ in list(engine.models, [("modified_at", .string(OllamaTime.text(0)))]) }
        router.get("/api/ps") { _, _ in
            let loaded = engine.options.loading == nil ? engine.models : Array(engine.memory.now.loaded)
            return list(
                loaded.sorted { $0.rawValue < $1.rawValue },
                [
                    ("expires_at", .string(OllamaTime.text(Int(Date().timeIntervalSince1970) + 300))),
                    ("size_vram", .integer(size)),
                ])
        }
        router.post("/api/show") { request, _ in try await show(request) }
    }

    private var size: Int { engine.options.loading?.size.bytes ?? 0 }

    private static let details: JSONText = [
        "parent_model": "", "format": "simulated", "family": "simulated", "families": ["simulated"],
        "parameter_size": "1B", "quantization_level": "F32",
    ]

    private func list(_ models: [ModelID], _ more: [(String, JSONText)]) -> Response {
        let entries = models.map { model in
            JSONText.object(
                [
                    ("name", .string(model.rawValue)), ("model", .string(model.rawValue)), ("size", .integer(size)),
                    ("digest", .string("simulated:" + model.rawValue)), ("details", Self.details),
                ] + more)
        }
        return Response(json: ["models": .array(entries)])
    }

    private struct ShowRequest: Decodable {
        var model: String?
        /// The field of older clients.
        var name: String?
    }

    private func show(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: Self.maxRequestSize)
        let asked = try? JSONDecoder().decode(ShowRequest.self, from: Data(body.readableBytesView))
        guard let model = asked?.model ?? asked?.name else {
            throw EngineError.invalid("'model' is missing.", param: "model")
        }
        guard engine.models.contains(ModelID(model)) else { throw EngineError.unknownModel(model) }
        var capabilities: [JSONText] = []
        if engine.options.endpoints.contains(.ollamaChat) { capabilities += ["completion", "tools", "thinking"] }
        if engine.options.endpoints.contains(.ollamaEmbed) { capabilities.append("embedding") }
        return Response(json: [
            "modelfile": "# simulated", "parameters": "", "template": "{{ .Prompt }}", "license": "",
            "details": Self.details, "model_info": ["general.architecture": "simulated"],
            "capabilities": .array(capabilities), "modified_at": .string(OllamaTime.text(0)),
        ])
    }
}
