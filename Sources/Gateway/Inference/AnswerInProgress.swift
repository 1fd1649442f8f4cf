import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// What has come of a runner's answer so far.
struct AnswerInProgress {
    /// What was asked, and of whom.
    struct Question {
        var endpoint: Endpoint
        /// The id under which the caller knows the model.
        var model: ModelID
        var streams = false
        var expectedChoices = 1
        /// Whether the caller can be sent what has no length: not in HTTP/1.0.
        var takesUnknownLength = true
        var context: ResponseCause.Context
    }

    let question: Question?
    var head: HTTPResponseHead?
    /// The body may turn out to be an event stream, although its media type does not say so.
    var mayBecomeStream = false
    var events: EventStreamRelay?
    var document = ByteBuffer()
    /// Set when the document is a large one.
    var largeDocument: DocumentRelay?
    /// How much of the document has come, in bytes.
    var documentBytes = 0
    /// How much of the memory that all calls share is taken for `document`.
    var reservedBytes = 0
    var documentUsage: TokenUsage?
    /// The engine's name for it (`/v1/responses`).
    var documentID: String?
    /// Whether it is remembered which runner made this response.
    var isNoted = false
    var firstToken: NIODeadline?
    var lastToken: NIODeadline?

    init(to question: Question? = nil) {
        self.question = question
    }

    var usage: TokenUsage? { events?.usage ?? documentUsage ?? largeDocument?.usage }

    /// What counts against limits: tokens taken and made by the engine's own count. Of a stream that ended before it said
    /// so, the events that carried a piece of the answer.
    var tokens: Int {
        guard let usage else { return events?.pieces ?? 0 }
        let (sum, isMore) = usage.prompt.addingReportingOverflow(usage.completion)
        return isMore ? .max : sum
    }

    /// How fast it was made; nil where there is too little to say so.
    /// - Parameters:
    ///   - sent: when the request had gone to the runner.
    ///   - firstByte: when the answer's first byte came: of a document, when it was there.
    func tokensPerSecond(sent: NIODeadline?, firstByte: NIODeadline?) -> Double? {
        let (tokens, time): (Int, TimeAmount)
        if let events {
            guard let firstToken, let lastToken else { return nil }
            // The first one was made before the clock began.
            (tokens, time) = ((events.usage?.completion ?? events.pieces) - 1, lastToken - firstToken)
        } else {
            guard let documentUsage, let sent, let firstByte else { return nil }
            (tokens, time) = (documentUsage.completion, firstByte - sent)
        }
        // In less than that nothing can be measured: the events were read at once.
        guard tokens > 0, time >= .milliseconds(1) else { return nil }
        return Double(tokens) * 1e9 / Double(time.nanoseconds)
    }

    /// What was made in vain, if the call ends now.
    /// - Parameter clientLeft: what had been written for it may have gone with it. A client that is still there gets that
    ///   with the error that ends the stream.
    func broken(_ delivery: StreamDelivery, clientLeft: Bool) -> CallFigures.BrokenStream? {
        guard let events else { return nil }
        let generated = max(events.pieces, events.usage?.completion ?? 0)
        let isHeldUp = delivery.isBlocked || (clientLeft && delivery.isUnanswered)
        return CallFigures.BrokenStream(generated: generated, delivered: isHeldUp ? delivery.confirmed : events.pieces)
    }
}

/// How much of a stream its caller's side of the network has taken. As long as everything flows that is everything; when
/// it does not, what is known is what had gone out when we last asked.
struct StreamDelivery {
    /// Asking costs a promise, so it is not done for every event.
    private static let interval: TimeAmount = .milliseconds(250)

    /// Pieces of the answer that are known to have gone out.
    private(set) var confirmed = 0
    private var asked: Int?
    private var askedAt: NIODeadline = .uptimeNanoseconds(0)
    /// The client does not take what is written for it.
    private(set) var isBlocked = false

    /// Whether we have asked and do not know yet.
    var isUnanswered: Bool { asked != nil }

    /// - Returns: whether to ask now, by a write that `wentOut` or `failed`.
    mutating func ask(_ pieces: Int, at time: NIODeadline) -> Bool {
        guard asked == nil, time - askedAt >= Self.interval else { return false }
        asked = pieces
        askedAt = time
        return true
    }

    mutating func wentOut() {
        confirmed = asked ?? confirmed
        asked = nil
    }

    /// The client has gone, and what had been written for it with it.
    mutating func failed() { isBlocked = true }

    mutating func writabilityChanged(isWritable: Bool) { isBlocked = !isWritable }
}
