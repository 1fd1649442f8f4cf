import Dialects
import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// Reads documents, and relays large documents and media while they are received.
extension UpstreamResponse {
    // MARK: Large documents

    /// Begins to relay a large document, if this is one.
    mutating func examineIfLarge() -> CallState.Event? {
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

    mutating func examine(_ bytes: ByteBuffer) -> CallState.Event? {
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

    // MARK: Complete documents

    /// Reads a complete document.
    /// - Parameter now: in seconds since 1970.
    mutating func documentEnded(at now: () -> Int) -> CallState.Event {
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
            switch readSuccess(expectations) {
            case .result: isJSON = true
            case .failed(let stated): (isJSON, error) = (true, stated)
            case .foreign where context.mayTranslate:
                return .documentReceived(EngineDocument(.formRefused, context))
            case .foreign where expectations.endpoint.hasEstimate:
                return .documentReceived(EngineDocument(.endpointMissing, context))
            case .foreign: break
            case .unusable(let stated): error = stated
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

    /// What a document with the status of a success is.
    private enum SuccessContent {
        case result
        /// A JSON object that states an error.
        case failed(EngineError)
        /// The result of another API, which the engine serves at this path.
        case foreign
        /// Not JSON, or not a result that can be translated.
        case unusable(EngineError?)
    }

    private mutating func readSuccess(_ expectations: ResponseExpectations) -> SuccessContent {
        let restored = ModelRewriter.restore(
            document, model: expectations.model, readsID: expectations.endpoint == .responses)
        guard let restored else {
            if expectations.endpoint.hasResultsOfAnyForm, !statedError.isPage { return .result }
            return .unusable(looksLikeJSON ? nil : statedError)
        }
        if let error = restored.error { return .failed(error) }
        return readResult(restored, expectations)
    }

    /// Takes a result, in the dialect of the caller.
    private mutating func readResult(
        _ restored: ModelRewriter.Response, _ expectations: ResponseExpectations
    ) -> SuccessContent {
        document = restored.body
        documentMeter.usage = restored.usage
        identity.documentID = restored.id
        func bytes() -> ArraySlice<UInt8> { Array(restored.body.readableBytesView)[...] }
        if let translation = expectations.translation {
            let translated =
                expectations.streams ? translation.completeStream(bytes()) : translation.document(bytes())
            guard let translated else { return .unusable(nil) }
            document = ByteBuffer(bytes: translated)
            return .result
        }
        let endpoint = expectations.endpoint
        if endpoint.isForeign(document: bytes()) { return .foreign }
        if let usage = endpoint.dialect.usage(ofDocument: bytes()) { documentMeter.usage = usage }
        if endpoint.resultKind == .media { documentMeter.audioSeconds = AudioDuration.stated(in: bytes()) }
        return .result
    }

    private var looksLikeJSON: Bool {
        let first = document.readableBytesView.first { $0 > 0x20 }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    }

    private var statedError: EngineError {
        isPlain ? EngineError(Array(document.readableBytesView)[...]) : EngineError()
    }
}
