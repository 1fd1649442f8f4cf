import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// Parses an engine's response, part by part, into events of the call. Lenient about the content of a body, because the
/// framing has already been parsed strictly. Pure: no I/O, no clock.
extension UpstreamResponse {
    /// Receives bytes that can be relayed to the client.
    typealias Forward = (ByteBuffer) -> Void

    /// - Returns: nil until the kind of response is known.
    mutating func receive(_ head: HTTPResponseHead) -> CallState.Event? {
        self.head = head
        // A response that is encoded despite `Accept-Encoding: identity` cannot be parsed.
        guard let expectations, expectations.streams, head.status == .ok, isPlain else { return nil }
        guard mediaType.hasPrefix("text/event-stream") else {
            mayBecomeStream = true
            return nil
        }
        return beginStream(expectations)
    }

    /// Collects a piece of a body that has not turned out to be an event stream.
    /// - Returns: `streamBegan` if it turns out to be one; call `relayCollected` next. `documentBegan` if it is a large
    ///   result; send `document`, and call `relayDocument` for the following pieces.
    mutating func collect(_ bytes: ByteBuffer) -> CallState.Event? {
        guard largeDocument == nil else { return examine(bytes) }
        if document.readableBytes > 0 {
            document.writeImmutableBuffer(bytes)
        } else {
            // Usually this is the complete body, and need not be copied.
            document = bytes
        }
        guard mayBecomeStream, let expectations else { return examineIfLarge() }
        switch EventStreamStart.detect(in: Array(document.readableBytesView.prefix(64))[...]) {
        case .undecided: return nil
        case .other:
            mayBecomeStream = false
            return examineIfLarge()
        case .eventStream: return beginStream(expectations)
        }
    }

    // MARK: Large documents

    private mutating func examineIfLarge() -> CallState.Event? {
        guard document.readableBytes > DocumentRelay.minSize, let expectations, let head, isPlain,
            200...299 ~= head.status.code, head.headers.first(name: AgentError.header) == nil
        else { return nil }
        largeDocument = DocumentRelay(
            endpoint: expectations.endpoint, model: expectations.model, statedLength: statedLength,
            needsLength: !expectations.acceptsUnknownLength)
        let collected = document
        document = ByteBuffer()
        return examine(collected)
    }

    private mutating func examine(_ bytes: ByteBuffer) -> CallState.Event? {
        // If the document is malformed before relaying begins, it is collected and judged when it is complete.
        guard let released = try? largeDocument?.receive(bytes), largeDocument?.hasBegun ?? false else { return nil }
        document = released
        return .documentBegan(status: Int(head?.status.code ?? 200))
    }

    /// Relays a piece of a large document whose beginning has been sent.
    mutating func relayDocument(_ bytes: ByteBuffer, _ forward: Forward) -> CallState.Event? {
        do {
            let released = try largeDocument?.receive(bytes) ?? ByteBuffer()
            if released.readableBytes > 0 { forward(released) }
            return nil
        } catch {
            return .upstreamFailed(.malformed("a document that is not a JSON object"))
        }
    }

    /// Whether pieces of the document are forwarded as they are received.
    var relaysDocument: Bool { largeDocument?.hasBegun ?? false }

    /// The length of the body that the engine stated; nil for none (RFC 9112 §6.3).
    var statedLength: Int? {
        guard let headers = head?.headers, !headers.contains(name: "transfer-encoding") else { return nil }
        return headers.first(name: "content-length").flatMap { Int($0) }
    }

    /// Relays the bytes that were collected before the body turned out to be an event stream.
    mutating func relayCollected(_ forward: Forward) -> CallState.Event? {
        let bytes = document
        document = ByteBuffer()
        return relay(bytes, forward)
    }

    /// Processes bytes of an event stream.
    /// - Returns: nil while the stream continues.
    mutating func relay(_ bytes: ByteBuffer, _ forward: Forward) -> CallState.Event? {
        do {
            try events?.receive(bytes, forward: forward)
        } catch {
            return .upstreamFailed(.malformed("an unterminated event"))
        }
        switch events?.phase {
        case .complete: return .streamCompleted
        case .failed(let error): return .streamFailed(error)
        case .open, .finishing, nil: return nil
        }
    }

    /// Whether only usage and `[DONE]` may still follow.
    var isFinishing: Bool { if case .finishing? = events?.phase { true } else { false } }

    /// Ends the wait for usage and `[DONE]`.
    mutating func stopWaiting(_ forward: Forward) -> CallState.Event? {
        guard isFinishing, let rest = events?.complete() else { return nil }
        if rest.readableBytes > 0 { forward(rest) }
        return .streamCompleted
    }

    /// Ends the response where its framing ends it.
    /// - Parameter now: in seconds since 1970.
    mutating func end(at now: () -> Int, _ forward: Forward) -> CallState.Event {
        if let largeDocument, largeDocument.hasBegun { return .documentEnded(isComplete: largeDocument.isComplete) }
        guard events != nil else { return documentEnded(at: now) }
        if let rest = events?.end(forward: forward) {
            if rest.readableBytes > 0 { forward(rest) }
            return .streamEnded(complete: true)
        }
        if case .failed(let error)? = events?.phase { return .streamFailed(error) }
        return .streamEnded(complete: false)
    }

    /// The engine's id of the response, as soon as it is known (`/v1/responses`).
    var responseID: String? { events?.responseID ?? identity.documentID ?? largeDocument?.id }

    // MARK: Parts

    private mutating func beginStream(_ expectations: ResponseExpectations) -> CallState.Event {
        mayBecomeStream = false
        events = EventStreamRelay(
            endpoint: expectations.endpoint, model: expectations.model,
            hidesUsageChunk: expectations.context.addsUsageOption,
            expectedChoices: expectations.expectedChoices)
        return .streamBegan
    }

    private var mediaType: String { head?.headers.first(name: "content-type")?.lowercased() ?? "" }

    private var isPlain: Bool {
        head?.headers.first(name: "content-encoding").map { $0.lowercased() == "identity" } ?? true
    }

    private mutating func documentEnded(at now: () -> Int) -> CallState.Event {
        let status = Int(head?.status.code ?? 0)
        guard let expectations else { return .streamEnded(complete: false) }
        if let largeDocument {
            document = largeDocument.collected
            self.largeDocument = nil
        }
        var context = expectations.context
        context.agentCode = head?.headers.first(name: AgentError.header)
        // The agent lost its connection to the engine: handled like a lost connection to the runner.
        if context.agentCode.flatMap(GatewayError.Code.init) == .upstreamError {
            return .upstreamFailed(.closedBeforeResponse)
        }
        var (isJSON, error): (Bool, EngineError?) = (false, nil)
        if 200...299 ~= status {
            let restored = ModelRewriter.restore(
                document, model: expectations.model, readsID: expectations.endpoint == .responses)
            isJSON = restored != nil
            error = restored?.error
            if let restored, restored.error == nil {
                document = restored.body
                documentUsage = restored.usage
                identity.documentID = restored.id
            } else if restored == nil, !looksLikeJSON {
                error = statedError
            }
        } else {
            error = statedError
        }
        let retryAfter = head?.headers.first(name: "retry-after").flatMap {
            RetryAfter.seconds($0, date: head?.headers.first(name: "date"), now: now)
        }
        return .documentReceived(
            EngineDocument(status: status, isJSON: isJSON, error: error, retryAfter: retryAfter, context))
    }

    private var looksLikeJSON: Bool {
        let first = document.readableBytesView.first { $0 > 0x20 }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    private var statedError: EngineError {
        isPlain ? EngineError(Array(document.readableBytesView)[...]) : EngineError()
    }
}
