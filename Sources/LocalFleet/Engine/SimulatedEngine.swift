import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
import NetworkErrors
public import ServiceLifecycle
import SimpleAICore
import Synchronization

/// An OpenAI-compatible engine without a model. It responds with words from a seeded generator, at a configurable pace
/// and with a configurable number of slots. Every response states that it is simulated.
///
/// `run()` listens on a free port of 127.0.0.1 until its task is cancelled.
public final class SimulatedEngine: Service {
    public let options: EngineOptions
    private let pace: Mutex<EnginePace>
    private let slots: EngineSlots
    private let received = Watched<[ReceivedRequest]>([])
    private let listener = Watched<(any Channel)?>(nil)
    private let responseCount = Mutex(0)
    private let listed: Mutex<[ModelID]>
    /// The models in memory, for an engine that loads models.
    public let memory: ModelMemory
    let connections = ConnectionRoster()
    private let logger: Logger

    public init(_ options: EngineOptions, logger: Logger) {
        self.options = options
        self.logger = logger
        pace = Mutex(options.pace)
        listed = Mutex(options.models)
        memory = ModelMemory(options.loading)
        slots = EngineSlots(slots: options.slots, queueLength: options.queueLength)
    }

    /// Serves until the task is cancelled.
    public func run() async throws {
        defer { listener.fail(CancellationError()) }
        let connections = connections
        let application = Application(
            router: router(),
            server: .http1(configuration: .init(additionalChannelHandlers: [connections.makeHandler()])),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in self.listener.update { $0 = channel } },
            logger: logger)
        try await runToGracefulEnd(application, logger: logger) { connections.closePermanently() }
    }

    /// The port; waits until the engine listens.
    public func port() async throws -> Int {
        try await listeningChannel().localAddress?.port ?? 0
    }

    func listeningChannel() async throws -> any Channel {
        guard let channel = try await listener.value(where: { $0 != nil }) else { throw CancellationError() }
        return channel
    }

    /// Changes the pace of requests that receive their slot afterwards.
    public func setPace(_ newPace: EnginePace) {
        pace.withLock { $0 = newPace }
    }

    /// Replaces the models on the engine's disk.
    func setModels(_ models: [ModelID]) {
        listed.withLock { $0 = models }
    }

    var models: [ModelID] { listed.withLock { $0 } }

    public var counters: EngineCounters { slots.counters }

    /// Waits until the counters satisfy the condition, forever if they never do.
    public func counters(
        where isSatisfied: @escaping @Sendable (EngineCounters) -> Bool
    ) async throws -> EngineCounters {
        try await slots.counters(where: isSatisfied)
    }

    /// The latest inference requests, oldest first; at most `options.rememberedRequests`.
    public var receivedRequests: [ReceivedRequest] { received.value }

    private func router() -> Router<EngineContext> {
        let router = Router(context: EngineContext.self)
        router.post("/v1/chat/completions") { try await self.respond($0, $1, as: ChatFormat.self) }
        router.post("/v1/completions") { try await self.respond($0, $1, as: CompletionFormat.self) }
        router.post("/v1/responses") { try await self.respond($0, $1, as: ResponsesFormat.self) }
        router.post("/v1/embeddings") { try await self.embed($0, $1) }
        router.get("/v1/models") { _, _ in self.modelList() }
        if let loading = options.loading { OllamaRoutes(engine: self, loading: loading).add(to: router) }
        router.get("/health") { _, _ in Response(json: ["status": "ok", "simulated": true]) }
        return router
    }

    private func modelList() -> Response {
        let models = models.map { model in
            JSONText.object([
                ("id", .string(model.rawValue)), ("object", "model"), ("created", 0), ("owned_by", "simulated"),
            ])
        }
        return Response(json: ["object": "list", "data": .array(models)])
    }

    private func embed(_ request: Request, _ context: EngineContext) async throws -> Response {
        let (work, client) = try await receive(request, context)
        guard work.request.input != nil else { throw EngineError.invalid("'input' is missing.", param: "input") }
        guard (1...4096).contains(work.request.dimensions ?? 64) else {
            throw EngineError.invalid("'dimensions' must be between 1 and 4096.", param: "dimensions")
        }
        let lease = try await lease(for: client)
        try await client.pause(until: .now() + .init(work.pace.timeToFirstToken))
        let list = Embedding.list(for: work.request, model: work.model, seed: options.seed)
        lease.markServed()
        return Response(json: list)
    }

    private func respond<Format: ResponseFormat>(
        _ request: Request, _ context: EngineContext, as format: Format.Type
    ) async throws -> Response {
        let (work, client) = try await receive(request, context)
        let limit = work.request.tokenLimit
        if let limit, limit < 1 {
            throw EngineError.invalid("The token limit must be at least 1.", param: "max_tokens")
        }
        let prompt = work.request.promptTexts
        let simulatedResponse = SimulatedResponse(to: prompt, seed: options.seed, limit: limit)
        let format = Format(
            ResponseEnvelope(
                id: nextResponseID(), created: Int(Date().timeIntervalSince1970), model: work.model,
                promptTokens: SimulatedResponse.tokenCount(of: prompt),
                includesUsage: work.request.streamOptions?.includeUsage ?? false))
        let lease = try await lease(for: client, use: try await memory.use(ModelID(work.model)))
        let start = NIODeadline.now()
        // As with a real engine, the response head is sent with the first token.
        try await client.pause(until: start + .init(work.pace.timeToFirstToken))
        if work.request.stream ?? false {
            let stream = ResponseStream(
                simulatedResponse: simulatedResponse, format: format, pace: work.pace, start: start, client: client,
                lease: lease)
            return stream.response()
        }
        try await client.pause(until: start + .init(work.pace.time(toToken: simulatedResponse.tokens.count)))
        lease.markServed()
        return Response(json: format.document(simulatedResponse))
    }

    private struct Work {
        let request: InferenceRequest
        let model: String
        let pace: EnginePace
    }

    private func receive(_ request: Request, _ context: EngineContext) async throws -> (Work, ClientConnectionMonitor) {
        let body = try await request.body.collect(upTo: options.maxBody.bytes)
        remember(request, body)
        let decoded: InferenceRequest
        do {
            decoded = try JSONDecoder().decode(InferenceRequest.self, from: Data(body.readableBytesView))
        } catch {
            throw EngineError.invalid(
                "Invalid JSON for this endpoint: \(NetworkErrorText.of(error)).", code: "invalid_json")
        }
        guard let model = decoded.model else { throw EngineError.invalid("'model' is missing.", param: "model") }
        guard models.contains(ModelID(model)) else { throw EngineError.unknownModel(model) }
        guard let client = connections.monitor(on: context.channel) else { throw ClientDisconnected() }
        return (Work(request: decoded, model: model, pace: pace.withLock { $0 }), client)
    }

    private func lease(
        for client: ClientConnectionMonitor, use: ModelMemory.Use? = nil
    ) async throws -> EngineSlots.Lease {
        do {
            return try await slots.lease(for: client, use: use)
        } catch is EngineSlots.QueueFull {
            throw EngineError.queueFull
        }
    }

    private func nextResponseID() -> String {
        let number = responseCount.withLock { count in
            count += 1
            return count
        }
        // The port distinguishes engines with the same seed.
        return "simulated-\(listener.value?.localAddress?.port ?? 0)-\(number)"
    }

    private func remember(_ request: Request, _ body: ByteBuffer) {
        let fields = request.headers.map { ReceivedRequest.Field(name: $0.name.rawName, value: $0.value) }
        let entry = ReceivedRequest(
            method: request.method.rawValue, path: request.head.path ?? "", fields: fields,
            body: Array(body.readableBytesView))
        received.update { requests in
            requests.append(entry)
            requests.removeFirst(max(0, requests.count - options.rememberedRequests))
        }
    }
}

/// The context of a request handler: provides the connection, to detect that its client disconnects.
struct EngineContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
