import Dialects
import NIOCore
import NIOHTTP1
import Relay
import Scheduling
import SimpleAICore

/// What a call uses of the services and of its connection.
struct CallEnvironment {
    let services: DataPlaneServices
    /// The rules at the beginning of the call.
    let rules: DataPlaneRules
    let eventLoop: any EventLoop
    /// The connection's handler, which retains the call until it ends.
    let connection: InferenceHandler
}

/// The facts about a call that are known when it begins.
struct CallOrigin {
    let id: CallID
    let path: InferencePath
    private(set) var head: HTTPRequestHead
    private(set) var fields: CallFields
    /// The client's address: the peer's, or the one that a trusted proxy states; nil if it is not an IP address.
    let client: IPAddress?

    init(id: CallID, path: InferencePath, head: HTTPRequestHead, fields: CallFields, client: IPAddress?) {
        self.id = id
        self.path = path
        self.head = head
        self.fields = fields
        self.client = client
    }

    /// Drops what only another attempt would need.
    mutating func releaseHeaders() {
        head.headers = HTTPHeaders()
        fields = CallFields(HTTPHeaders())
    }
}

/// A call's body, as far as it has been received.
struct RequestBody {
    var content = CallBody()
    /// Number of bytes of the shared buffer memory that are reserved for it.
    var reservedBytes = 0
    /// Whether the whole request has been received.
    var isComplete = false
    /// Whether received bytes wait to be decoded.
    var isDecoding = false
    /// Bytes that arrived with the head of a request whose credentials are still being checked.
    var unread = ByteBuffer()
    /// A multipart body, in place of `content`; nil for JSON.
    var form: FormBody?
    /// The request as its dialect reads it; nil for OpenAI's.
    var request: DialectRequest?
    /// The gateway's own result: for a request that needs no runner, or for the case that none can serve it now.
    var ownResponse: [UInt8]?
    /// The translated body, if a runner needs it.
    var translated: TranslatedBody?

    /// Drops the content. A form that is being sent fails.
    mutating func discard() {
        form?.release()
        dropContent()
    }

    /// Drops what only another attempt would need. A form that is being sent remains until it is sent or its exchange ends,
    /// because an engine may begin its response before it has read the whole request (RFC 9110 §7.5).
    mutating func endAttempts() {
        form?.releaseToSource()
        dropContent()
    }

    private mutating func dropContent() {
        reservedBytes = 0
        content.release()
        form = nil
        unread = ByteBuffer()
        request = nil
        ownResponse = nil
        translated = nil
    }
}

/// A request's body, translated for engines that do not serve its endpoint.
struct TranslatedBody {
    let endpoint: Endpoint
    let content: CallBody

    /// - Throws: `invalidRequest` for a request that cannot be translated.
    init(_ translated: DialectRequest.Translated) throws(GatewayError) {
        endpoint = translated.endpoint
        var content = CallBody()
        try content.append(ByteBuffer(bytes: translated.body))
        self.content = content
    }
}

/// The caller of a call, and what the call uses of its limits.
struct CallerAccess {
    var caller: Caller?
    var admission: CallLimiter.Admission?
    /// The state of the caller's limits, for the response; nil if it has none.
    var limitUsage: LimitUsage?
    /// The caller's share of the buffer memory, once it is used.
    var memory: BufferShare?
}

/// Where a call may run, and where it runs.
struct CallPlacement {
    var call: Call?
    var waiting: (id: WaiterID, request: PlacementRequest)?
    var lease: Lease?
    /// The explanation of the placement, for administrators that request it.
    var explanation: String?
    /// The only runner that can serve this call; nil for any.
    var onlyRunner: RunnerID?
    /// When the call began to wait for a loading engine.
    var loadingSince: ContinuousClock.Instant?
    /// Runners that lack the endpoint, as known from other calls, and their errors.
    var runnersWithoutEndpoint: [RunnerID: GatewayError] = [:]
    /// Runners that reported the missing endpoint to this call.
    var newRunnersWithoutEndpoint: Set<RunnerID> = []
}

/// The exchange with a runner.
struct CallForwarding {
    var exchangeHandle: ExchangeHandle?
    /// The upstream to which the call was last sent.
    var upstream: Upstream?
    /// The endpoint to which the call was last sent; another one than the caller's if the call was translated, or if the
    /// engine serves the API at another path.
    var endpoint: Endpoint?
    /// The paths that the runner of the current lease turned out to lack.
    var missingPaths = EndpointSet([])

    /// The exchange has ended, or the call is no longer interested in it.
    mutating func endExchange() -> ExchangeHandle? { exchangeHandle.take() }
}

/// How far a response has been written.
struct ResponseProgress {
    var delivery = StreamDelivery()
    var lastWrite: NIODeadline
    /// When the engine's stream last delivered an event.
    var lastEvent: NIODeadline
    /// Whether the head promised to keep the connection open.
    var connectionPersists = true

    init(now: NIODeadline) {
        (lastWrite, lastEvent) = (now, now)
    }
}

/// The timers of a call. They retain the call until `cancel`: a weak reference would make every retain of the call slower.
struct CallTimers {
    var keepalive: Scheduled<Void>?
    var total: Scheduled<Void>?
    /// Limits the wait for usage and `[DONE]` after the last choice is finished.
    var usage: Scheduled<Void>?

    mutating func cancel() {
        keepalive?.cancel()
        total?.cancel()
        usage?.cancel()
        self = CallTimers()
    }
}
