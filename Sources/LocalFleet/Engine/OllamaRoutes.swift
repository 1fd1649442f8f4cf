import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import SimpleAICore

/// The part of Ollama's API that an agent uses: lists of the models on disk and in memory, and requests to load and
/// unload a model.
struct OllamaRoutes {
    let engine: SimulatedEngine
    let loading: ModelLoading

    private static let maxRequestSize = 64 << 10

    func add(to router: Router<EngineContext>) {
        router.get("/api/version") { _, _ in Response(json: ["version": "0-simulated"]) }
        router.get("/api/tags") { _, _ in
            list(engine.models) { [("size", .integer(loading.size.bytes)), ("digest", .string("simulated:" + $0))] }
        }
        router.get("/api/ps") { _, _ in list(engine.memory.now.loaded.sorted { $0.rawValue < $1.rawValue }) { _ in [] }
        }
        router.post("/api/show") { _, _ in Response(json: ["model_info": [:]]) }
        router.post("/api/generate") { request, _ in try await load(request) }
    }

    private func list(_ models: [ModelID], _ more: (String) -> [(String, JSONText)]) -> Response {
        let entries = models.map { model in
            JSONText.object(
                [("name", .string(model.rawValue)), ("model", .string(model.rawValue))] + more(model.rawValue))
        }
        return Response(json: ["models": .array(entries)])
    }

    private struct LoadRequest: Decodable {
        let model: String
        let keepAlive: Int?

        enum CodingKeys: String, CodingKey {
            case model
            case keepAlive = "keep_alive"
        }
    }

    /// Handles a request with an empty prompt, which loads the model, or unloads it if `keep_alive` is zero.
    private func load(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: Self.maxRequestSize)
        guard let loadRequest = try? JSONDecoder().decode(LoadRequest.self, from: Data(body.readableBytesView)) else {
            return Response(status: .badRequest, json: ["error": "invalid request"])
        }
        let model = ModelID(loadRequest.model)
        guard engine.models.contains(model) else {
            return Response(status: .notFound, json: ["error": .string("model '\(loadRequest.model)' not found")])
        }
        if loadRequest.keepAlive == 0 {
            engine.memory.unload(model)
        } else {
            do {
                try await engine.memory.load(model)
            } catch is ModelMemory.NotAModel {
                return Response(status: .internalServerError, json: ["error": "the model file is damaged"])
            }
        }
        return Response(json: ["model": .string(loadRequest.model), "response": "", "done": true])
    }
}
