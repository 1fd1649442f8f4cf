import Dialects
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
        guard let expectations else { return nil }
        if expectations.endpoint.resultKind == .media {
            if isMedia(head) { beginMedia(expectations) }
            return nil
        }
        // A response that is encoded despite `Accept-Encoding: identity` cannot be parsed.
        guard expectations.streams, head.status == .ok, isPlain else { return nil }
        if expectations.translation == nil, expectations.endpoint.resultKind == .lines {
            return receiveHeadOfLines(expectations)
        }
        guard mediaType.hasPrefix("text/event-stream") else {
            form = .undecided
            return nil
        }
        return beginStream(expectations)
    }

    private static let mediaTypesOfLines = [
        "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines",
    ]

    /// An engine that responds with events to a request for lines serves another API at this path.
    private mutating func receiveHeadOfLines(_ expectations: ResponseExpectations) -> CallState.Event? {
        if Self.mediaTypesOfLines.contains(where: mediaType.hasPrefix) { return beginStream(expectations) }
        guard mediaType.hasPrefix("text/event-stream"), expectations.context.mayTranslate else { return nil }
        return .documentReceived(EngineDocument(.formRefused, expectations.context))
    }

    private mutating func beginMedia(_ expectations: ResponseExpectations) {
        form = .media(hasBegun: false)
        guard mediaType.hasPrefix("text/event-stream"), isPlain else { return }
        documentMeter.events = EventUsageReader(addsUsage: expectations.endpoint.capability == .image)
    }

    /// Whether the response is a result that is forwarded without being changed.
    private func isMedia(_ head: HTTPResponseHead) -> Bool {
        200...299 ~= head.status.code && head.headers.first(name: AgentError.header) == nil
            && !mediaType.hasPrefix("application/json")
    }

    /// Collects a piece of a body that has not turned out to be an event stream.
    /// - Returns: `streamBegan` if it turns out to be one; call `relayCollected` next. `documentBegan` if it is a large
    ///   result; send `document`, and call `relayDocument` for the following pieces.
    mutating func collect(_ bytes: ByteBuffer) -> CallState.Event? {
        if case .media = form {
            form = .media(hasBegun: true)
            documentMeter.events?.receive(bytes)
            document = bytes
            return .documentBegan(status: Int(head?.status.code ?? 200))
        }
        guard largeDocument == nil else { return examine(bytes) }
        if document.readableBytes > 0 {
            document.writeImmutableBuffer(bytes)
        } else {
            // Usually this is the complete body, and need not be copied.
            document = bytes
        }
        guard case .undecided = form, let expectations else { return examineIfLarge() }
        switch EventStreamStart.detect(in: Array(document.readableBytesView.prefix(64))[...]) {
        case .undecided: return nil
        case .other:
            form = .document
            return examineIfLarge()
        case .eventStream: return beginStream(expectations)
        }
    }

    // MARK: Large documents

    private mutating func examineIfLarge() -> CallState.Event? {
        guard document.readableBytes > DocumentRelay.minSize, let expectations, let head, isPlain,
            expectations.translation == nil, 200...299 ~= head.status.code,
            head.headers.first(name: AgentError.header) == nil
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
        if isRelayedMedia {
            documentMeter.events?.receive(bytes)
            forward(bytes)
            return nil
        }
        do {
            let released = try largeDocument?.receive(bytes) ?? ByteBuffer()
            if released.readableBytes > 0 { forward(released) }
            return nil
        } catch {
            return .upstreamFailed(.malformed("a document that is not a JSON object"))
        }
    }

    /// Whether pieces of the document are forwarded as they are received.
    var relaysDocument: Bool { largeDocument?.hasBegun ?? isRelayedMedia }

    /// Whether the response is of a media type that the gateway does not read, and has begun.
    var isRelayedMedia: Bool { if case .media(hasBegun: true) = form { true } else { false } }

    /// The length of the relayed document; nil if its end will show it.
    var relayedLength: Int? { largeDocument?.length ?? (isRelayedMedia ? statedLength : nil) }

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
        if let dialectStream { return relay(bytes, through: dialectStream, forward) }
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

    private mutating func relay(
        _ bytes: ByteBuffer, through stream: DialectStream, _ forward: Forward
    ) -> CallState.Event? {
        if stream.isNative { return stream.receive(bytes, forward) }
        var output = ByteBuffer()
        defer { if output.readableBytes > 0 { forward(output) } }
        do {
            try events?.receive(bytes) { stream.translate($0, into: &output) }
        } catch {
            return .upstreamFailed(.malformed("an unterminated event"))
        }
        switch events?.phase {
        case .complete:
            output.writeImmutableBuffer(stream.end())
            return .streamCompleted
        case .failed(let error): return .streamFailed(error)
        case .open, .finishing, nil: return nil
        }
    }

    /// Whether only usage and `[DONE]` may still follow.
    var isFinishing: Bool { if case .finishing? = events?.phase { true } else { false } }

    /// Ends the wait for usage and `[DONE]`.
    mutating func stopWaiting(_ forward: Forward) -> CallState.Event? {
        guard isFinishing, let rest = events?.complete() else { return nil }
        if let dialectStream { forward(dialectStream.end()) }
        if rest.readableBytes > 0 { forward(rest) }
        return .streamCompleted
    }

    /// Ends the response where its framing ends it.
    /// - Parameter now: in seconds since 1970.
    mutating func end(at now: () -> Int, _ forward: Forward) -> CallState.Event {
        if let largeDocument, largeDocument.hasBegun { return .documentEnded(isComplete: largeDocument.isComplete) }
        if isRelayedMedia { return .documentEnded(isComplete: true) }
        if let dialectStream { return end(dialectStream, forward) }
        guard events != nil else { return documentEnded(at: now) }
        if let rest = events?.end(forward: forward) {
            if rest.readableBytes > 0 { forward(rest) }
            return .streamEnded(complete: true)
        }
        if case .failed(let error)? = events?.phase { return .streamFailed(error) }
        return .streamEnded(complete: false)
    }

    private mutating func end(_ stream: DialectStream, _ forward: Forward) -> CallState.Event {
        if stream.isNative { return stream.receiveEnd(forward) }
        var output = ByteBuffer()
        defer { if output.readableBytes > 0 { forward(output) } }
        if events?.end(forward: { stream.translate($0, into: &output) }) != nil {
            output.writeImmutableBuffer(stream.end())
            return .streamEnded(complete: true)
        }
        if case .failed(let error)? = events?.phase { return .streamFailed(error) }
        return .streamEnded(complete: false)
    }

    /// The engine's id of the response, as soon as it is known (`/v1/responses`).
    var responseID: String? { events?.responseID ?? identity.documentID ?? largeDocument?.id }

    // MARK: Parts

    private mutating func beginStream(_ expectations: ResponseExpectations) -> CallState.Event {
        form = .document
        if let translation = expectations.translation {
            dialectStream = DialectStream(translation)
        } else if let native = DialectStream(expectations.endpoint, model: expectations.model) {
            dialectStream = native
            return .streamBegan
        }
        let isTranslated = expectations.translation != nil
        events = EventStreamRelay(
            endpoint: expectations.context.sentTo ?? expectations.endpoint, model: expectations.model,
            hidesUsageChunk: expectations.context.addsUsageOption && !isTranslated,
            forwardsChunksOnly: isTranslated, expectedChoices: expectations.expectedChoices)
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
        if case .media = form {
            // A result without a body.
            return .documentReceived(EngineDocument(.result, expectations.context))
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
                let result = result(restored, expectations)
                if case .foreign = result, context.mayTranslate {
                    return .documentReceived(EngineDocument(.formRefused, context))
                }
                if case .foreign = result, expectations.endpoint.hasEstimate {
                    return .documentReceived(EngineDocument(.endpointMissing, context))
                }
                if case .usable = result {} else { isJSON = false }
            } else if restored == nil, expectations.endpoint.hasResultsOfAnyForm {
                isJSON = !statedError.isPage
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

    private enum Result {
        case usable
        /// The result of another API, which the engine serves at this path.
        case foreign
        /// Not a result that can be translated.
        case untranslatable
    }

    /// Takes a result, in the dialect of the caller.
    private mutating func result(_ restored: ModelRewriter.Response, _ expectations: ResponseExpectations) -> Result {
        document = restored.body
        documentMeter.usage = restored.usage
        identity.documentID = restored.id
        guard expectations.endpoint.dialect != .openAI || expectations.endpoint.resultKind == .media else {
            return .usable
        }
        let bytes = Array(restored.body.readableBytesView)[...]
        if let translation = expectations.translation {
            guard let translated = translation.document(bytes) else { return .untranslatable }
            document = ByteBuffer(bytes: translated)
            return .usable
        }
        if expectations.endpoint.isForeign(document: bytes) { return .foreign }
        documentMeter.usage = expectations.endpoint.dialect.usage(ofDocument: bytes) ?? restored.usage
        if expectations.endpoint.resultKind == .media { documentMeter.audioSeconds = AudioDuration.stated(in: bytes) }
        return .usable
    }

    private var looksLikeJSON: Bool {
        let first = document.readableBytesView.first { $0 > 0x20 }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    private var statedError: EngineError {
        isPlain ? EngineError(Array(document.readableBytesView)[...]) : EngineError()
    }
}
