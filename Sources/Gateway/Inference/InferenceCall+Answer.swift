import NIOCore
import NIOHTTP1
import Relay
import Scheduling
import SimpleAICore

/// What has come of a runner's answer so far.
struct AnswerInProgress {
    /// Answers that are no streams are collected: their model id has to be restored, and a broken one must not go out.
    static let largestDocument = 64 << 20

    var hidesUsageChunk = false
    var head: HTTPResponseHead?
    var events: EventStreamRelay?
    var document = ByteBuffer()
    var usage: TokenUsage?
}

extension InferenceCall: UpstreamExchange {
    func upstreamAnswered(_ head: HTTPResponseHead) {
        timeline.answered = .now()
        answer.head = head
        guard state.streams, head.status == .ok, Self.isEventStream(head), let lease else { return }
        answer.events = EventStreamRelay(
            endpoint: endpoint, model: lease.model, hidesUsageChunk: answer.hidesUsageChunk)
        handle(.streamBegan)
    }

    func upstreamSent(_ bytes: ByteBuffer) {
        if timeline.firstByte == nil { timeline.firstByte = .now() }
        guard answer.events != nil else { return collect(bytes) }
        do {
            try answer.events?.receive(bytes) { write(event: $0) }
            connection.flush()
            if !connection.isWritable { ticket?.pauseReading() }
        } catch {
            handle(.upstreamFailed(.malformed("an event without an end")))
        }
    }

    func upstreamEnded() {
        ticket = nil
        guard answer.events == nil else {
            let rest = answer.events?.end { write(event: $0) }
            if let rest, rest.readableBytes > 0 { write(event: rest) }
            return handle(.streamEnded(complete: rest != nil))
        }
        let status = Int(answer.head?.status.code ?? 0)
        let restored = lease.flatMap { ModelRewriter.restore(answer.document, model: $0.model) }
        if EngineVerdict(status: status) == .answer, let restored {
            answer.document = restored.body
            answer.usage = restored.usage
        }
        let retryAfter = answer.head?.headers.first(name: "retry-after").flatMap(Int.init)
        handle(
            .documentReceived(EngineDocument(status: status, isJSON: restored != nil, retryAfter: retryAfter)))
    }

    func upstreamFailed(_ failure: UpstreamFailure) {
        ticket = nil
        handle(.upstreamFailed(failure))
    }

    /// A stream that is encoded in spite of `Accept-Encoding: identity` cannot be looked into: it is no answer.
    private static func isEventStream(_ head: HTTPResponseHead) -> Bool {
        let type = head.headers.first(name: "content-type")?.lowercased() ?? ""
        let encoding = head.headers.first(name: "content-encoding")?.lowercased() ?? "identity"
        return type.hasPrefix("text/event-stream") && encoding == "identity"
    }

    private func collect(_ bytes: ByteBuffer) {
        guard answer.document.readableBytes + bytes.readableBytes <= AnswerInProgress.largestDocument else {
            ticket?.cancel()
            return handle(.upstreamFailed(.malformed("a document without an end")))
        }
        answer.document.writeImmutableBuffer(bytes)
    }

    private func write(event: ByteBuffer) {
        connection.write(.body(.byteBuffer(event)))
        lastWrite = .now()
    }
}
