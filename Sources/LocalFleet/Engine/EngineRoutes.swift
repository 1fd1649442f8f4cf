import Foundation
import HTTPTypes
import Hummingbird
import SimpleAICore

/// All paths of a simulated engine. Those of endpoints that its options leave out get 404, as from an engine without them.
struct EngineRoutes {
    let engine: SimulatedEngine

    var router: Router<EngineContext> {
        let router = Router(context: EngineContext.self)
        for endpoint in Endpoint.allCases {
            let path = RouterPath(endpoint.path)
            guard engine.options.endpoints.contains(endpoint) else {
                router.post(path) { try await refuse($0, $1) }
                continue
            }
            router.get(path) { _, _ in
                var refusal = Response(status: .methodNotAllowed, json: ["detail": "Method Not Allowed"])
                refusal.headers[.allow] = "POST"
                return refusal
            }
            router.post(path) { try await respond(to: $0, $1, at: endpoint) }
        }
        router.get("/v1/models") { _, _ in modelList }
        router.get("/openapi.json") { _, _ in description }
        router.get("/health") { _, _ in Response(json: ["status": "ok", "simulated": true]) }
        if engine.options.hasOllamaAPI { OllamaLists(engine: engine).add(to: router) }
        return router
    }

    private func respond(to request: Request, _ context: EngineContext, at endpoint: Endpoint) async throws -> Response
    {
        let work = try await EngineWork(request, context, at: endpoint, engine: engine)
        return switch endpoint {
        case .chatCompletions: try await work.respond(as: ChatFormat.self, .init(to: work.request, seed: work.seed))
        case .completions: try await work.respond(as: CompletionFormat.self)
        case .responses: try await work.respond(as: ResponsesFormat.self)
        case .messages: try await work.respond(as: MessagesFormat.self, .init(to: work.request, seed: work.seed))
        case .countTokens: Response(json: ["input_tokens": .integer(work.promptTokens)])
        case .embeddings: try await work.embed()
        case .rerank, .rerankV2, .rerankUnversioned: try await work.rank()
        case .speech: try await work.speak()
        case .transcriptions: try await work.transcribe(isTranslation: false)
        case .translations: try await work.transcribe(isTranslation: true)
        case .imageGenerations, .imageEdits, .imageVariations: try await work.draw()
        case .ollamaChat: try await work.ollamaRespond(as: OllamaChatFormat.self)
        case .ollamaGenerate: try await work.ollamaRespond(as: OllamaGenerateFormat.self)
        case .ollamaEmbed, .ollamaEmbeddings: try await work.ollamaEmbed()
        }
    }

    private func refuse(_ request: Request, _ context: EngineContext) async throws -> Response {
        engine.remember(request, try await request.body.collect(upTo: engine.options.maxBody.bytes))
        return Response(status: .notFound, json: ["detail": "Not Found"])
    }

    private var modelList: Response {
        let models = engine.models.map { model in
            JSONText.object([
                ("id", .string(model.rawValue)), ("object", "model"), ("created", 0), ("owned_by", "simulated"),
            ])
        }
        return Response(json: ["object": "list", "data": .array(models)])
    }

    /// Its paths, as servers that are built on FastAPI describe themselves.
    private var description: Response {
        let paths = Endpoint.allCases.filter(engine.options.endpoints.contains).map { endpoint in
            (endpoint.path, JSONText.object([("post", ["summary": "Simulated"])]))
        }
        return Response(json: [
            "openapi": "3.1.0", "info": ["title": "Simulated engine", "version": "0"], "paths": .object(paths),
        ])
    }
}
