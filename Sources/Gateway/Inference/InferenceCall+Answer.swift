import NIOCore
import NIOHTTP1
import Relay
import Scheduling
import SimpleAICore

/// What a call does with a runner's answer.
extension InferenceCall: UpstreamExchange {
    func upstreamAnswered(_ head: HTTPResponseHead) {
        timeline.answered = .now()
        answer.head = head
        guard state.streams, head.status == .ok, Self.isEventStream(head), let lease else { return }
        answer.events = EventStreamRelay(
            endpoint: endpoint, model: lease.model, hidesUsageChunk: answer.hidesUsageChunk)
        handle(.streamBegan)
    }

    func upstreamSent(_ bytes: ByteBuffer, at time: NIODeadline) {
        if timeline.firstByte == nil { timeline.firstByte = time }
        guard let before = answer.events?.pieces else { return collect(bytes) }
        do {
            try answer.events?.receive(bytes) { write(event: $0, at: time) }
            noteProgress(since: before)
            noteResponse()
            connection.flush()
            if !connection.isWritable { holdUpstream() }
        } catch {
            handle(.upstreamFailed(.malformed("an event without an end")))
        }
    }

    func upstreamEnded() {
        ticket = nil
        guard let before = answer.events?.pieces else { return documentEnded() }
        let now = NIODeadline.now()
        let rest = answer.events?.end { write(event: $0, at: now) }
        if let rest, rest.readableBytes > 0 { write(event: rest, at: now) }
        noteProgress(since: before)
        noteResponse()
        handle(.streamEnded(complete: rest != nil))
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

    // MARK: Documents

    private func collect(_ bytes: ByteBuffer) {
        guard answer.document.readableBytes + bytes.readableBytes <= AnswerInProgress.largestDocument else {
            ticket?.cancel()
            return handle(.upstreamFailed(.malformed("a document without an end")))
        }
        guard gateway.budget.reserve(bytes.readableBytes) else {
            return handle(
                .answerTooMuch(
                    GatewayError(
                        .queueFull, "The gateway holds too many answers right now.", retry: .after(.seconds(5)))))
        }
        answer.reservedBytes += bytes.readableBytes
        if answer.document.readableBytes > 0 {
            answer.document.writeImmutableBuffer(bytes)
        } else {
            // Mostly it is all there is, and need not be copied.
            answer.document = bytes
        }
    }

    private func documentEnded() {
        let status = Int(answer.head?.status.code ?? 0)
        let restored = lease.flatMap {
            ModelRewriter.restore(answer.document, model: $0.model, readsID: endpoint == .responses)
        }
        if EngineVerdict(status: status) == .answer, let restored {
            answer.document = restored.body
            answer.documentUsage = restored.usage
            if let id = restored.id { note(response: id) }
        }
        let retryAfter = answer.head?.headers.first(name: "retry-after").flatMap(Int.init)
        handle(
            .documentReceived(EngineDocument(status: status, isJSON: restored != nil, retryAfter: retryAfter)))
    }

    // MARK: Streams

    private func write(event: ByteBuffer, at time: NIODeadline) {
        connection.write(piece: event)
        lastWrite = time
    }

    /// After events were written.
    private func noteProgress(since before: Int) {
        guard let pieces = answer.events?.pieces, pieces > before else { return }
        if before == 0 { answer.firstToken = lastWrite }
        answer.lastToken = lastWrite
        guard delivery.ask(pieces, at: lastWrite) else { return }
        let sent = eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] result in
            if case .success = result { delivery.wentOut() } else { delivery.failed() }
        }
        connection.mark(sent)
    }

    private func holdUpstream() {
        ticket?.pauseReading()
        delivery.writabilityChanged(isWritable: false)
    }

    func writabilityChanged(isWritable: Bool) {
        delivery.writabilityChanged(isWritable: isWritable)
        if isWritable { ticket?.resumeReading() } else { ticket?.pauseReading() }
    }

    /// Before the client can have read the id: its next call may come at once.
    private func noteResponse() {
        guard endpoint == .responses, !answer.isNoted, let id = answer.events?.responseID else { return }
        answer.isNoted = true
        note(response: id)
    }

    /// A response that this caller may go on with, on this runner.
    private func note(response id: String) {
        guard let lease, let caller else { return }
        gateway.responses.note(id, madeBy: lease.runner, for: caller)
    }
}
