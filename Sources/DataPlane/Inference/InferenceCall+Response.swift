import NIOCore
import NIOHTTP1
import Relay
import Scheduling
import Settings
import SimpleAICore

/// Writes a call's response to the client, and records the call.
extension InferenceCall {
    /// Sends the head of an event stream once: the engine's, or the gateway's own if no engine has responded yet.
    func beginStream(_ lease: Lease?) {
        guard !timeline.headWasSent else { return }
        var headers = upstreamResponse.head.map(ForwardedHeaders.response) ?? HTTPHeaders()
        headers.replaceOrAdd(name: "Content-Type", value: "text/event-stream")
        headers.replaceOrAdd(name: "Cache-Control", value: "no-cache")
        headers.replaceOrAdd(name: "X-Accel-Buffering", value: "no")
        addOwnHeaders(to: &headers, lease)
        output.write(streamHead: responseHead(.ok, headers, lengthIsKnown: false))
        output.flush()
        progress.lastWrite = .now()
    }

    /// Sends a comment (WHATWG HTML §9.2.6): it keeps proxies and clients from timing out, and SDKs ignore it. Line
    /// breaks in the text are escaped, so it cannot end the comment.
    func sendComment(_ text: String) {
        output.write(piece: ByteBuffer(string: ": \(JSONString.visible(text))\n\n"))
        output.flush()
        progress.lastWrite = .now()
    }

    func endResponse() {
        connection.endResponse(requestWasComplete: body.isComplete, keepAlive: progress.connectionPersists)
    }

    func sendDocument(_ lease: Lease, _ document: EngineDocument) {
        var headers = upstreamResponse.head.map(ForwardedHeaders.response) ?? HTTPHeaders()
        var body = upstreamResponse.document
        if document.cause != .result {
            if !(document.error?.isComplete ?? false) { body = ByteBuffer(string: document.body.json) }
            headers.replaceOrAdd(name: "Content-Type", value: "application/json")
            headers.remove(name: "Content-Encoding")
            headers.remove(name: "Retry-After")
            if let seconds = document.retryAfter { headers.add(name: "Retry-After", value: String(seconds)) }
        }
        addOwnHeaders(to: &headers, lease)
        send(HTTPResponseStatus(statusCode: document.status), headers, body)
    }

    /// Sends the head of a document that is relayed as it arrives, and the bytes received so far.
    func beginDocument(_ lease: Lease, status: Int) {
        var headers = upstreamResponse.head.map(ForwardedHeaders.response) ?? HTTPHeaders()
        addOwnHeaders(to: &headers, lease)
        let beginning = upstreamResponse.document
        upstreamResponse.document = ByteBuffer()
        let length = upstreamResponse.largeDocument?.length
        if let length { headers.add(name: "Content-Length", value: String(length)) }
        let responseHead = responseHead(
            HTTPResponseStatus(statusCode: status), headers, lengthIsKnown: length != nil)
        if length != nil {
            output.write(responseHead, document: beginning, promise: documentWritten())
        } else {
            output.write(streamHead: responseHead)
            output.write(piece: beginning)
            if let sent = documentWritten() { output.completeWhenSent(sent) }
        }
        output.flush()
        progress.lastWrite = .now()
    }

    func respond(_ error: GatewayError) {
        let status = error.status(permissionDeniedStatus: rules.access.permissionDeniedStatus)
        var headers = HTTPHeaders([("Content-Type", "application/json")])
        let allowed = error.code == .methodNotAllowed ? ["POST"] : []
        for (name, value) in error.headers(allowing: allowed) { headers.add(name: name, value: value) }
        addCallHeaders(to: &headers)
        send(HTTPResponseStatus(statusCode: status), headers, ByteBuffer(string: error.body.json))
    }

    /// Closes the connection after the event, so that no client mistakes the stream for a complete one.
    func failInBand(_ error: GatewayError) {
        output.write(piece: ByteBuffer(string: error.body.event))
        progress.connectionPersists = false
        endResponse()
    }

    private func send(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: ByteBuffer) {
        var headers = headers
        headers.add(name: "Content-Length", value: String(body.readableBytes))
        let responseHead = responseHead(status, headers, lengthIsKnown: true)
        output.write(responseHead, document: head.method == .HEAD ? ByteBuffer() : body, promise: documentWritten())
        endResponse()
    }

    /// A large document remains in memory until its client has read it, and counts against the limit until then.
    /// - Returns: a promise for the write of the document; nil for a small one.
    private func documentWritten() -> EventLoopPromise<Void>? {
        guard upstreamResponse.reservedBytes > Self.minReportedSize else { return nil }
        let (memory, bytes) = (memory, upstreamResponse.reservedBytes)
        upstreamResponse.reservedBytes = 0
        let sent = eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in memory.release(bytes) }
        return sent
    }

    /// In bytes. Smaller documents usually fit into the socket's send buffer, and need no promise.
    private static let minReportedSize = 64 << 10

    private func responseHead(
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders, lengthIsKnown: Bool
    ) -> HTTPResponseHead {
        var headers = headers
        // HTTP/1.0 has no chunked coding: a body without a length ends with the connection.
        let isFramed = lengthIsKnown || head.version != .http1_0
        progress.connectionPersists = head.isKeepAlive && body.isComplete && isFramed && !services.drain.isDraining
        if !progress.connectionPersists {
            headers.replaceOrAdd(name: "Connection", value: "close")
        } else if head.version == .http1_0 {
            headers.replaceOrAdd(name: "Connection", value: "keep-alive")
        }
        timeline.headWasSent = true
        return HTTPResponseHead(version: head.version, status: status, headers: headers)
    }

    private func addOwnHeaders(to headers: inout HTTPHeaders, _ lease: Lease?) {
        addCallHeaders(to: &headers)
        guard let lease else { return }
        if rules.access.showsRunner(to: caller) {
            headers.add(name: "x-simpleai-runner", value: lease.runner.rawValue)
            headers.add(name: "x-simpleai-model", value: lease.model.rawValue)
        }
        headers.add(name: "x-simpleai-wake", value: timeline.wakeHeader)
        headers.replaceOrAdd(name: "Server-Timing", value: timeline.serverTiming)
    }

    /// The header fields common to results and errors.
    private func addCallHeaders(to headers: inout HTTPHeaders) {
        headers.add(name: "X-Request-Id", value: id.rawValue)
        if let explanation { headers.add(name: "x-simpleai-explain", value: explanation) }
        for (name, value) in limitUsage?.headers ?? [] { headers.add(name: name, value: value) }
        guard !rules.access.origins.isEmpty else { return }
        for (name, value) in rules.access.origins.fields(for: head.headers.first(name: "origin")) {
            headers.add(name: name, value: value)
        }
    }

    // MARK: Records

    func record(_ ending: CallState.Ending) {
        let status: Int
        let outcome: String
        var failure: GatewayError?
        var clientDisconnected = false
        switch ending {
        case .completed(let answered): (status, outcome) = (answered, answered < 400 ? "ok" : "engine_error")
        case .clientDisconnected: (status, outcome, clientDisconnected) = (499, "client_gone", true)
        case .failed(let error):
            failure = error
            status = error.status(permissionDeniedStatus: rules.access.permissionDeniedStatus)
            outcome = error.code.rawValue
        }
        let measurements = self.measurements(
            isComplete: failure == nil && !clientDisconnected, clientDisconnected: clientDisconnected)
        services.metrics.callEnded(CallMetrics.Labels(requested: requestedLabel, code: outcome), measurements)
        guard AccessLine.isWanted(by: services.logger, rules.settings.log.access, status: status, failure) else {
            return
        }
        let line = AccessLine(
            id: id, endpoint: endpoint, status: status, error: failure, caller: caller, client: client,
            request: call?.request,
            streams: call?.streams ?? false,
            placement: AccessLine.Placement(
                runner: lease?.runner, model: lease?.model, waited: timeline.waited, wake: timeline.wake?.rawValue),
            total: timeline.total, measurements: measurements)
        services.accessLog.write(line, on: eventLoop)
    }

    private func measurements(isComplete: Bool, clientDisconnected: Bool) -> CallMeasurements {
        var measurements = CallMeasurements(total: timeline.seconds)
        measurements.toFirstByte = timeline.seconds(to: timeline.firstByte)
        measurements.toFirstToken = timeline.seconds(to: upstreamResponse.tokenTimes.first)
        measurements.tokensPerSecond = upstreamResponse.tokensPerSecond(
            sent: timeline.sent, firstByte: timeline.firstByte)
        measurements.usage = upstreamResponse.usage
        measurements.events = upstreamResponse.events?.events ?? 0
        if !isComplete {
            measurements.broken = upstreamResponse.brokenStream(
                progress.delivery, clientDisconnected: clientDisconnected)
        }
        return measurements
    }

    /// A value from a closed set: class names from settings, never a caller's text.
    private var requestedLabel: String {
        switch call?.request {
        case .byClass(let name): rules.access.classes[name] == nil ? "unknown" : name.rawValue
        case .exactly: "exact"
        case nil: "none"
        }
    }
}
