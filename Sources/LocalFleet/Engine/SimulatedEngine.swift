import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import SimpleAICore
import Synchronization

/// An engine without a model that speaks every API of the gateway. It responds with words from a seeded generator, with
/// tones and with gradients, at a configurable pace and with a configurable number of slots. Every response states that it
/// is simulated.
///
/// `run()` listens on a free port of 127.0.0.1 until its task is cancelled.
public final class SimulatedEngine: Service {
    public let options: EngineOptions
    private let currentPace: Mutex<EnginePace>
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
        currentPace = Mutex(options.pace)
        listed = Mutex(options.models)
        memory = ModelMemory(options.loading)
        slots = EngineSlots(slots: options.slots, queueLength: options.queueLength)
    }

    /// Serves until the task is cancelled.
    public func run() async throws {
        defer { listener.fail(CancellationError()) }
        let connections = connections
        let application = Application(
            router: EngineRoutes(engine: self).router,
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
        currentPace.withLock { $0 = newPace }
    }

    var pace: EnginePace { currentPace.withLock { $0 } }

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

    /// - Throws: `EngineError.queueFull`, or `ClientDisconnected` if the client disconnected while waiting.
    func lease(
        for client: ClientConnectionMonitor, use: ModelMemory.Use? = nil
    ) async throws -> EngineSlots.Lease {
        do {
            return try await slots.lease(for: client, use: use)
        } catch is EngineSlots.QueueFull {
            throw EngineError.queueFull
        }
    }

    func nextResponseID() -> String {
        let number = responseCount.withLock { count in
            count += 1
            return count
        }
        // The port distinguishes engines with the same seed.
        return "simulated-\(listener.value?.localAddress?.port ?? 0)-\(number)"
    }

    func remember(_ request: Request, _ body: ByteBuffer) {
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
