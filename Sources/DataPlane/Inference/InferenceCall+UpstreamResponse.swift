import Foundation
import NIOCore
import NIOHTTP1
import Relay
import Scheduling
import Settings
import SimpleAICore

/// Handles a runner's response to a call.
extension InferenceCall: UpstreamResponseReceiver {
    func responseHeadReceived(_ head: HTTPResponseHead) {
        timeline.answered = .now()
        guard let event = upstreamResponse.receive(head) else { return }
        streamBegins(event)
    }

    func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline) {
        if timeline.firstByte == nil { timeline.firstByte = time }
        guard upstreamResponse.isStream else { return receive(document: bytes, at: time) }
        progress.lastEvent = time
        relay(at: time) { $0.relay(bytes, $1) }
    }

    func responseEndReceived() {
        _ = forwarding.endExchange()
        guard upstreamResponse.isStream || upstreamResponse.relaysDocument else { return documentEnded() }
        guard !upstreamResponse.relaysDocument else { return handle(upstreamResponse.end(at: Self.wallClock) { _ in }) }
        relay(at: .now()) { $0.end(at: Self.wallClock, $1) }
    }

    func upstreamFailed(_ failure: UpstreamFailure) {
        _ = forwarding.endExchange()
        handle(.upstreamFailed(failure))
    }

    /// In seconds since 1970.
    private static func wallClock() -> Int { Int(Date().timeIntervalSince1970) }

    // MARK: Documents

    private func receive(document bytes: ByteBuffer, at time: NIODeadline) {
        upstreamResponse.documentBytes += bytes.readableBytes
        guard
            max(upstreamResponse.documentBytes, upstreamResponse.statedLength ?? 0)
                <= rules.settings.server.maxResponse.bytes
        else {
            forwarding.exchangeHandle?.cancel()
            return handle(.upstreamFailed(.malformed("the response exceeds server.max_response")))
        }
        if upstreamResponse.relaysDocument { relay(document: bytes, at: time) } else { collect(bytes, at: time) }
    }

    private func collect(_ bytes: ByteBuffer, at time: NIODeadline) {
        if let error = reserveMemory(bytes.readableBytes, for: "responses") { return handle(.responseTooLarge(error)) }
        upstreamResponse.reservedBytes += bytes.readableBytes
        guard let event = upstreamResponse.collect(bytes) else { return }
        noteResponse()
        streamBegins(event)
        guard upstreamResponse.isStream else { return pauseIfBlocked() }
        progress.lastEvent = time
        relay(at: time) { $0.relayCollected($1) }
    }

    /// A piece of a large document whose beginning has been sent.
    private func relay(document bytes: ByteBuffer, at time: NIODeadline) {
        var released = ByteBuffer()
        if let event = upstreamResponse.relayDocument(bytes, { released = $0 }) { return handle(event) }
        noteResponse()
        if released.readableBytes > 0 { write(event: released, at: time) }
        output.flush()
        pauseIfBlocked()
    }

    private func pauseIfBlocked() {
        if !state.isFinished, !connection.isWritable { pauseUpstream() }
    }

    private func documentEnded() {
        let event = upstreamResponse.end(at: Self.wallClock) { _ in }
        if case .documentReceived(let document) = event, document.cause == .result {
            noteServed()
            if let id = upstreamResponse.identity.documentID { note(response: id) }
        }
        handle(event)
    }

    // MARK: Streams

    private func streamBegins(_ event: CallState.Event) {
        switch event {
        case .streamBegan, .documentBegan: noteServed()
        default: break
        }
        handle(event)
    }

    private func noteServed() { forwarding.upstream?.endpoints.noteServed(forwarding.endpoint ?? endpoint) }

    /// Updates the response by `process`, and writes the events that it forwards.
    /// - Parameter process: called with the response and a function that writes an event.
    private func relay(
        at time: NIODeadline, _ process: (inout UpstreamResponse, (ByteBuffer) -> Void) -> CallState.Event?
    ) {
        guard !state.isFinished, let before = upstreamResponse.pieces else { return }
        let event = process(&upstreamResponse) { write(event: $0, at: time) }
        noteProgress(since: before)
        noteResponse()
        if let event { return handle(event) }
        if let error = reservePending() { return handle(.responseTooLarge(error)) }
        if upstreamResponse.isFinishing { awaitUsage() }
        output.flush()
        if !connection.isWritable { pauseUpstream() }
    }

    /// Ends a stream whose engine leaves its body open after the final content.
    func stopAwaitingUsage() {
        relay(at: .now()) { $0.stopWaiting($1) }
    }

    /// Counts a long partial event against the shared buffer memory.
    /// - Returns: the error if no memory is left for it.
    private func reservePending() -> GatewayError? {
        let pending = upstreamResponse.pendingBytes
        let held = pending > Self.maxUncounted ? pending : 0
        guard held != upstreamResponse.reservedBytes else { return nil }
        guard held > upstreamResponse.reservedBytes else {
            memory.release(upstreamResponse.reservedBytes - held)
            upstreamResponse.reservedBytes = held
            return nil
        }
        if let error = reserveMemory(held - upstreamResponse.reservedBytes, for: "responses") { return error }
        upstreamResponse.reservedBytes = held
        return nil
    }

    /// In bytes. Most partial events are far shorter, and are not counted.
    private static let maxUncounted = 64 << 10

    private func write(event: ByteBuffer, at time: NIODeadline) {
        output.write(piece: event)
        progress.lastWrite = time
    }

    /// Records the times of the first and latest token, after events were written.
    private func noteProgress(since before: Int) {
        guard let pieces = upstreamResponse.pieces, pieces > before else { return }
        if before == 0 { upstreamResponse.tokenTimes.first = progress.lastWrite }
        upstreamResponse.tokenTimes.last = progress.lastWrite
        guard progress.delivery.beginCheck(pieces, at: progress.lastWrite) else { return }
        let sent = eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] result in
            if case .success = result { progress.delivery.bytesWritten() } else { progress.delivery.failed() }
        }
        output.completeWhenSent(sent)
    }

    private func pauseUpstream() {
        forwarding.exchangeHandle?.pauseReading()
        progress.delivery.writabilityChanged(isWritable: false)
    }

    func writabilityChanged(isWritable: Bool) {
        progress.delivery.writabilityChanged(isWritable: isWritable)
        if isWritable { forwarding.exchangeHandle?.resumeReading() } else { forwarding.exchangeHandle?.pauseReading() }
    }

    /// Must be called before the client can read the id, because its next call may arrive immediately.
    private func noteResponse() {
        guard endpoint == .responses, !upstreamResponse.identity.isOriginRecorded, let id = upstreamResponse.responseID
        else {
            return
        }
        upstreamResponse.identity.isOriginRecorded = true
        note(response: id)
    }

    /// Records a response that this caller may continue, on this runner.
    private func note(response id: String) {
        guard let lease, let caller else { return }
        services.responses.note(id, createdBy: lease.runner, for: caller)
    }
}
