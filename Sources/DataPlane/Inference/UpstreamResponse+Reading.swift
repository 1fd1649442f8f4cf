import Dialects
import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// Parses an engine's response, part by part, into events of the call. Lenient about the content of a body, because the
/// framing has already been parsed strictly. Pure: no I/O, no clock. `UpstreamResponse+Documents.swift` reads documents.
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
        // Servers without a type for lines.
        "text/plain", "application/octet-stream",
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

    // MARK: Streams

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
        if let failure = stream.failure { return .streamFailed(failure) }
        switch events?.phase {
        case .complete:
            output.writeImmutableBuffer(stream.end())
            if let failure = stream.failure { return .streamFailed(failure) }
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
        if let dialectStream {
            forward(dialectStream.end())
            if let failure = dialectStream.failure { return .streamFailed(failure) }
        }
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
            if let failure = stream.failure { return .streamFailed(failure) }
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

    var mediaType: String { head?.headers.first(name: "content-type")?.lowercased() ?? "" }

    /// Whether the body has no content coding.
    var isPlain: Bool {
        head?.headers.first(name: "content-encoding").map { $0.lowercased() == "identity" } ?? true
    }
}
