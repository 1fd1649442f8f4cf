import Dialects
import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// The state of a runner's response, as far as it has been received.
struct UpstreamResponse {
    /// Facts about the request that determine how its response is parsed.
    struct ResponseExpectations {
        /// The caller's.
        var endpoint: Endpoint
        /// The public id of the model.
        var model: ModelID
        var streams = false
        var expectedChoices = 1
        /// Whether the caller can receive a body of unknown length: false in HTTP/1.0.
        var acceptsUnknownLength = true
        var context: ResponseCause.Context
        /// Nil for a call that was forwarded as it is.
        var translation: ResponseTranslation?
    }

    /// What is known about the form of the body.
    enum Form {
        case document
        /// It may turn out to be an event stream although its media type differs.
        case undecided
        /// Of a media type that the gateway does not read.
        case media(hasBegun: Bool)
    }

    /// What a document, or a stream that is forwarded byte for byte, states about its cost.
    struct DocumentMeter {
        var usage: TokenUsage?
        /// Duration of the audio that was transcribed.
        var audioSeconds: Double?
        /// Non-nil for events that are forwarded byte for byte.
        var events: EventUsageReader?
    }

    /// The engine's id of the response (`/v1/responses`).
    struct Identity {
        /// In a document.
        var documentID: String?
        /// Whether the response's runner has been recorded.
        var isOriginRecorded = false
    }

    /// When the first and the latest token of a stream were written.
    struct TokenTimes {
        var first: NIODeadline?
        var last: NIODeadline?
    }

    let expectations: ResponseExpectations?
    var head: HTTPResponseHead?
    var form = Form.document
    var events: EventStreamRelay?
    /// Non-nil for the stream of another dialect than OpenAI's.
    var dialectStream: DialectStream?
    var document = ByteBuffer()
    /// Non-nil for a large document, which is relayed while it is received.
    var largeDocument: DocumentRelay?
    /// Number of bytes of the document received so far.
    var documentBytes = 0
    /// Number of bytes of the shared buffer memory that are reserved for `document` or a partial event.
    var reservedBytes = 0
    var documentMeter = DocumentMeter()
    var identity = Identity()
    var tokenTimes = TokenTimes()

    init(to expectations: ResponseExpectations? = nil) {
        self.expectations = expectations
    }

    /// Number of the stream's events that carried a piece of the completion; nil for a document.
    ///
    /// Read here and not through `events`, because the caller would copy the whole response for it, with a retain for each
    /// of its parts, once per event.
    var pieces: Int? {
        @inline(never) get { events?.pieces ?? dialectStream?.pieces }
    }

    /// Whether the response is a stream of events or lines.
    var isStream: Bool { events != nil || dialectStream != nil }

    /// Number of bytes of a stream's unfinished event.
    var pendingBytes: Int {
        @inline(never) get { events?.pendingBytes ?? dialectStream?.pendingBytes ?? 0 }
    }

    var usage: TokenUsage? {
        events?.usage ?? dialectStream?.usage ?? documentMeter.usage ?? largeDocument?.usage
            ?? documentMeter.events?.usage
    }

    /// Duration of the audio that was transcribed.
    var audioSeconds: Double? { documentMeter.audioSeconds ?? documentMeter.events?.audioSeconds }

    /// Tokens that count against limits: prompt and completion tokens by the engine's own count. For a stream that
    /// ended before it stated them, the number of events that carried a piece of the completion.
    var tokens: Int {
        guard let usage else { return pieces ?? 0 }
        let (sum, isOverflow) = usage.prompt.addingReportingOverflow(usage.completion)
        return isOverflow ? .max : sum
    }

    /// Generation speed; nil if there is too little to measure.
    /// - Parameters:
    ///   - sent: when the request was sent to the runner.
    ///   - firstByte: when the first byte of the response was received; for a document, when it was complete.
    func tokensPerSecond(sent: NIODeadline?, firstByte: NIODeadline?) -> Double? {
        let (tokens, time): (Int, TimeAmount)
        if let pieces {
            guard let first = tokenTimes.first, let last = tokenTimes.last else { return nil }
            // The first token was generated before the measurement began.
            (tokens, time) = ((usage?.completion ?? pieces) - 1, last - first)
        } else {
            guard let usage = documentMeter.usage, let sent, let firstByte else { return nil }
            (tokens, time) = (usage.completion, firstByte - sent)
        }
        // A shorter time cannot be measured: one read returned all events.
        guard tokens > 0, time >= .milliseconds(1) else { return nil }
        return Double(tokens) * 1e9 / Double(time.nanoseconds)
    }

    /// Tokens of the incomplete stream, if the call ends now.
    /// - Parameter clientDisconnected: whether the client disconnected, so that written bytes may be lost. A client that is
    ///   still connected receives them before the error that ends the stream.
    func brokenStream(_ delivery: StreamDelivery, clientDisconnected: Bool) -> CallMeasurements.BrokenStream? {
        guard let pieces else { return nil }
        let generated = max(pieces, usage?.completion ?? 0)
        let isHeldUp = delivery.isBlocked || (clientDisconnected && delivery.isCheckPending)
        return CallMeasurements.BrokenStream(
            generated: generated, delivered: isHeldUp ? delivery.confirmed : pieces)
    }
}

/// How much of a stream has left the services. While nothing is blocked, that is everything; otherwise the amount known
/// at the last check.
struct StreamDelivery {
    /// Minimum time between two checks, because each costs a promise.
    private static let interval: TimeAmount = .milliseconds(250)

    /// Number of pieces of the completion that are known to have left the services.
    private(set) var confirmed = 0
    private var pendingPieces: Int?
    private var checkedAt: NIODeadline = .uptimeNanoseconds(0)
    /// Whether the client is not reading what was written.
    private(set) var isBlocked = false

    /// Whether a check is pending.
    var isCheckPending: Bool { pendingPieces != nil }

    /// - Returns: whether to check now, with a write that reports `bytesWritten` or `failed`.
    mutating func beginCheck(_ pieces: Int, at time: NIODeadline) -> Bool {
        guard pendingPieces == nil, time - checkedAt >= Self.interval else { return false }
        pendingPieces = pieces
        checkedAt = time
        return true
    }

    mutating func bytesWritten() {
        confirmed = pendingPieces ?? confirmed
        pendingPieces = nil
    }

    /// The client has disconnected, and unsent bytes are lost.
    mutating func failed() { isBlocked = true }

    mutating func writabilityChanged(isWritable: Bool) { isBlocked = !isWritable }
}
