import Dialects
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
        headers.replaceOrAdd(name: "Content-Type", value: endpoint.dialect.streamMediaType)
        headers.replaceOrAdd(name: "Cache-Control", value: "no-cache")
        headers.replaceOrAdd(name: "X-Accel-Buffering", value: "no")
        addOwnHeaders(to: &headers, lease)
        output.write(streamHead: responseHead(.ok, headers, lengthIsKnown: false))
        output.flush()
        progress.lastWrite = .now()
    }

    /// Keeps proxies and clients from timing out; SDKs ignore it.
    func sendKeepalive() {
        let model = lease.map { call?.publicID(of: $0.model) ?? $0.model }?.rawValue ?? call?.requestedName ?? ""
        write(note: endpoint.keepalive(model: model, created: Self.timestamp()))
    }

    func sendComment(_ text: String) {
        if let bytes = endpoint.dialect.comment(text) { write(note: bytes) }
    }

    private func write(note bytes: [UInt8]) {
        output.write(piece: ByteBuffer(bytes: bytes))
        output.flush()
        progress.lastWrite = .now()
    }

    func endResponse() {
        connection.endResponse(requestWasComplete: body.isComplete, keepAlive: progress.connectionPersists)
    }

    func sendDocument(_ lease: Lease, _ document: EngineDocument) {
        var headers = upstreamResponse.head.map(ForwardedHeaders.response) ?? HTTPHeaders()
        var body = upstreamResponse.document
        var status = document.status
        if document.cause != .result {
            let response = endpoint.dialect.response(
                toEngine: document.error, standard: document.standardBody, status: status, requestID: id.rawValue)
            if let response { (status, body) = (response.status, ByteBuffer(bytes: response.body)) }
            headers.remove(name: "Content-Encoding")
            headers.remove(name: "Retry-After")
            if let seconds = document.retryAfter { headers.add(name: "Retry-After", value: String(seconds)) }
        }
        if document.cause != .result {
            headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        } else if let expectations = upstreamResponse.expectations, expectations.translation != nil {
            let type = expectations.streams ? endpoint.dialect.streamMediaType : "application/json"
            headers.replaceOrAdd(name: "Content-Type", value: type)
        }
        addOwnHeaders(to: &headers, lease)
        send(HTTPResponseStatus(statusCode: status), headers, body)
    }

    /// Sends the engine's document at the end of a stream whose head was sent before.
    func sendLastPart() {
        let isTerminated = upstreamResponse.document.readableBytesView.last == UInt8(ascii: "\n")
        if !isTerminated { upstreamResponse.document.writeInteger(UInt8(ascii: "\n")) }
        output.write(piece: upstreamResponse.document)
    }

    /// Sends the gateway's own result.
    func sendOwnResponse() {
        var headers = HTTPHeaders([("Content-Type", "application/json")])
        addCallHeaders(to: &headers)
        send(.ok, headers, ByteBuffer(bytes: body.ownResponse ?? []))
    }

    /// Sends the head of a document that is relayed as it arrives, and the bytes received so far.
    func beginDocument(_ lease: Lease, status: Int) {
        var headers = upstreamResponse.head.map(ForwardedHeaders.response) ?? HTTPHeaders()
        // A proxy must not collect speech before it is complete.
        if upstreamResponse.isRelayedMedia { headers.replaceOrAdd(name: "X-Accel-Buffering", value: "no") }
        addOwnHeaders(to: &headers, lease)
        let beginning = upstreamResponse.document
        upstreamResponse.document = ByteBuffer()
        let length = upstreamResponse.relayedLength
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
        let response = endpoint.dialect.response(to: error, status: status(of: error), requestID: id.rawValue)
        var headers = HTTPHeaders([("Content-Type", "application/json")])
        let allowed = error.code == .methodNotAllowed ? ["POST"] : []
        for (name, value) in error.headers(allowing: allowed) { headers.add(name: name, value: value) }
        addCallHeaders(to: &headers)
        send(HTTPResponseStatus(statusCode: response.status), headers, ByteBuffer(bytes: response.body))
    }

    private func status(of error: GatewayError) -> Int {
        error.status(permissionDeniedStatus: rules.access.permissionDeniedStatus)
    }

    /// Closes the connection after the event, so that no client mistakes the stream for a complete one.
    func failInBand(_ error: GatewayError) {
        let failure = endpoint.dialect.failure(error, status: status(of: error), requestID: id.rawValue)
        output.write(piece: ByteBuffer(bytes: failure))
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
        progress.connectionPersists =
            head.connectionPersists && body.isComplete && isFramed && !services.drain.isDraining
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
        var fields: [(String, String)] = []
        fields.reserveCapacity(4)
        if rules.access.showsRunner(to: caller) {
            fields.append(("x-simpleai-runner", lease.runner.rawValue))
            fields.append(("x-simpleai-model", lease.model.rawValue))
        }
        fields.append(("x-simpleai-wake", timeline.wakeHeader))
        fields.append(("Server-Timing", timeline.serverTiming))
        headers.add(contentsOf: HTTPHeaders(fields))
    }

    /// The header fields common to results and errors.
    private func addCallHeaders(to headers: inout HTTPHeaders) {
        var fields = [("X-Request-Id", id.rawValue)]
        if let field = endpoint.dialect.requestIDField { fields.append((field, id.rawValue)) }
        if let explanation { fields.append(("x-simpleai-explain", explanation)) }
        for (name, value) in limitUsage?.headers ?? [] { fields.append((name, value)) }
        headers.add(contentsOf: HTTPHeaders(fields))
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
            status = endpoint.dialect.response(to: error, status: self.status(of: error), requestID: "").status
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
        measurements.events = upstreamResponse.events?.events ?? upstreamResponse.dialectStream?.events ?? 0
        measurements.audioSeconds = upstreamResponse.audioSeconds
        if upstreamResponse.isRelayedMedia { measurements.mediaBytes = upstreamResponse.documentBytes }
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
