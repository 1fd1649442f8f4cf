import Dialects
import NIOCore
import Relay
import SimpleAICore

/// The part of a stream that OpenAI's dialect does not need: a translation of chat completion chunks, or the reader of an
/// engine's own stream. One of the two is there. A class, so that streams of OpenAI's dialect carry one pointer.
final class DialectStream {
    private var translation: StreamTranslation?
    private var native: NativeStream?

    init(_ translation: ResponseTranslation) {
        self.translation = translation.stream()
    }

    /// - Returns: nil for OpenAI's dialect.
    init?(_ endpoint: Endpoint, model: ModelID) {
        guard let stream = NativeStream(endpoint, model: model) else { return nil }
        native = stream
    }

    var isNative: Bool { native != nil }
    var pieces: Int { native?.pieces ?? 0 }
    var events: Int { native?.events ?? 0 }
    var usage: TokenUsage? { native?.usage }
    var pendingBytes: Int { native?.pendingBytes ?? 0 }

    // MARK: Translation

    /// Translates an event that `EventStreamRelay` has forwarded.
    func translate(_ event: ByteBuffer, into output: inout ByteBuffer) {
        guard let payload = EventSplitter.payload(of: event), let bytes = translation?.receive(payload.bytes) else {
            return
        }
        output.writeBytes(bytes)
    }

    /// Why the engine's stream cannot be translated; nil while it can be.
    var failure: EngineError? {
        translation?.failure.map { EngineError(Array("{\"message\":\(JSONString.encode($0))}".utf8)[...]) }
    }

    /// The bytes that end the caller's stream, once the engine's is complete.
    func end() -> ByteBuffer { ByteBuffer(bytes: translation?.end() ?? []) }

    // MARK: Native streams

    /// - Returns: nil while the stream continues.
    func receive(_ bytes: ByteBuffer, _ forward: (ByteBuffer) -> Void) -> CallState.Event? {
        native?.receive(bytes, forward)
    }

    /// Handles the end of the engine's body.
    func receiveEnd(_ forward: (ByteBuffer) -> Void) -> CallState.Event {
        native?.receiveEnd(forward) ?? .streamEnded(complete: false)
    }
}

/// Forwards an engine's own stream of a dialect other than OpenAI's, each event or line as soon as it is complete:
/// restores the public model id, reads usage and errors, and determines whether the stream is complete.
struct NativeStream {
    private var reader: NativeStreamReader
    /// The public model id, as a JSON token.
    private let model: [UInt8]
    private let hasLines: Bool
    private var splitter = EventSplitter()
    private var lines = LineSplitter()
    private var isFirstEvent = true
    /// Number of forwarded events or lines.
    private(set) var events = 0

    /// - Returns: nil for OpenAI's dialect.
    init?(_ endpoint: Endpoint, model: ModelID) {
        guard let reader = NativeStreamReader(endpoint, model: model.rawValue) else { return nil }
        self.reader = reader
        self.model = Array(JSONString.encode(model.rawValue).utf8)
        hasLines = endpoint.resultKind == .lines
    }

    var pieces: Int { reader.pieces }
    var usage: TokenUsage? { reader.usage }
    var pendingBytes: Int { hasLines ? lines.pendingBytes : splitter.pendingBytes }

    mutating func receive(_ bytes: ByteBuffer, _ forward: (ByteBuffer) -> Void) -> CallState.Event? {
        hasLines ? receiveLines(bytes, forward) : receiveEvents(bytes, forward)
    }

    mutating func receiveEnd(_ forward: (ByteBuffer) -> Void) -> CallState.Event {
        var event: CallState.Event?
        if hasLines {
            if let line = lines.takeRest() { event = pass(line: line, forward) }
        } else {
            var rest = splitter.takeRest()
            // A partial event would break the client's parser before it reads the gateway's error.
            if let payload = EventSplitter.payload(of: rest),
                JSONSlice(document: payload.bytes, grammar: .lenient) != nil
            {
                rest.writeString("\n\n")
                event = pass(event: rest, forward)
            }
        }
        return event ?? .streamEnded(complete: reader.isComplete)
    }

    // MARK: Events

    private mutating func receiveEvents(_ bytes: ByteBuffer, _ forward: (ByteBuffer) -> Void) -> CallState.Event? {
        do {
            try splitter.append(bytes)
        } catch {
            return .upstreamFailed(.malformed("an unterminated event"))
        }
        while let event = splitter.next() {
            if let event = pass(event: event, forward) { return event }
        }
        return nil
    }

    private mutating func pass(event: ByteBuffer, _ forward: (ByteBuffer) -> Void) -> CallState.Event? {
        let event = isFirstEvent ? EventSplitter.withoutByteOrderMark(event) : event
        isFirstEvent = false
        guard let payload = EventSplitter.payload(of: event) else {
            forward(event)
            return nil
        }
        switch reader.receive(payload.bytes, isNamedError: EventSplitter.isNamed("error", event)) {
        case .failed where reader.isForeign: return .upstreamFailed(.malformed("the stream of another API"))
        case .failed(let error): return .streamFailed(error)
        case .forward(let range):
            events += 1
            forward(range.map { restored(event, payload, modelAt: $0) } ?? event)
        }
        return reader.isComplete ? .streamCompleted : nil
    }

    private func restored(_ event: ByteBuffer, _ payload: EventSplitter.Payload, modelAt range: Range<Int>)
        -> ByteBuffer
    {
        guard !payload.bytes[range].elementsEqual(model) else { return event }
        var changed = ByteBuffer()
        if payload.isOneLine {
            // The indices of the only line of data are offsets in the event.
            let bytes = event.readableBytesView
            let start = bytes.startIndex
            changed.writeBytes(bytes[start..<start + range.lowerBound])
            changed.writeBytes(model)
            changed.writeBytes(bytes[(start + range.upperBound)...])
            return changed
        }
        for line in EventSplitter.otherLines(of: event, isFirst: false) {
            changed.writeBytes(line)
            changed.writeString("\n")
        }
        // Between JSON tokens a line break is white space, so one line has the same meaning.
        let space: (UInt8) -> UInt8 = { $0 == 0x0A ? 0x20 : $0 }
        changed.writeString("data: ")
        changed.writeBytes(payload.bytes[..<range.lowerBound].map(space))
        changed.writeBytes(model)
        changed.writeBytes(payload.bytes[range.upperBound...].map(space))
        changed.writeString("\n\n")
        return changed
    }

    // MARK: Lines

    private mutating func receiveLines(_ bytes: ByteBuffer, _ forward: (ByteBuffer) -> Void) -> CallState.Event? {
        lines.append(bytes.readableBytesView)
        while true {
            do {
                guard let line = try lines.next() else { return nil }
                if let event = pass(line: line, forward) { return event }
            } catch {
                return .upstreamFailed(.malformed("an unterminated line"))
            }
        }
    }

    private mutating func pass(line: ArraySlice<UInt8>, _ forward: (ByteBuffer) -> Void) -> CallState.Event? {
        switch reader.receive(line) {
        case .failed(let error): return .streamFailed(error)
        case .forward(let range):
            events += 1
            var forwarded = ByteBuffer()
            forwarded.reserveCapacity(line.count + model.count + 1)
            if let range {
                forwarded.writeBytes(line[..<range.lowerBound])
                forwarded.writeBytes(model)
                forwarded.writeBytes(line[range.upperBound...])
            } else {
                forwarded.writeBytes(line)
            }
            forwarded.writeInteger(UInt8(ascii: "\n"))
            forward(forwarded)
        }
        return reader.isComplete ? .streamCompleted : nil
    }
}
