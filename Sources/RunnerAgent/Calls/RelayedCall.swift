import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// One call from the gateway to an engine. Belongs to its connection's event loop.
final class RelayedCall: UpstreamResponseReceiver {
    let head: HTTPRequestHead
    private let endpoint: Endpoint
    private let services: CallServices
    private unowned let connection: CallHandler
    private var scanner = JSONScanner(watching: RequestKeys.body)
    private var body = ByteBuffer()
    private var reserved = 0
    private let arrival = ContinuousClock.now
    private var request: UpstreamRequest?
    private var upstream: Upstream?
    private var pool: UpstreamPool?
    private var exchangeHandle: ExchangeHandle?
    /// The model, while an engine works on the call.
    private var model: String?
    private var headWasSent = false
    private var hasRetried = false

    init(head: HTTPRequestHead, endpoint: Endpoint, services: CallServices, connection: CallHandler) {
        self.head = head
        self.endpoint = endpoint
        self.services = services
        self.connection = connection
    }

    // MARK: The request

    func receive(_ bytes: ByteBuffer) throws(CallRefusal) {
        guard body.readableBytes + bytes.readableBytes <= CallServices.maxBody.bytes else { throw .tooLarge }
        guard connection.memory.reserve(bytes.readableBytes) == .granted else { throw .noMemory }
        reserved += bytes.readableBytes
        let problem: JSONError? = bytes.withUnsafeReadableBytes { bytes in
            do throws(JSONError) {
                try scanner.scan(bytes)
                return nil
            } catch {
                return error
            }
        }
        if let problem { throw .invalid(problem) }
        body.writeImmutableBuffer(bytes)
    }

    /// Forwards the complete request to the engine that has its model.
    func forward(on pools: UpstreamPools) throws(CallRefusal) {
        let model = try requestedModel()
        guard let upstream = services.roster.upstream(for: model) else { throw .unknownModel(model) }
        guard let eventLoop = connection.eventLoop else { return }
        let head = ForwardedHeaders.request(
            from: head, path: endpoint.path, dialect: endpoint.dialect, to: upstream, bodyLength: body.readableBytes,
            requestID: head.headers.first(name: "x-request-id") ?? "")
        request = UpstreamRequest(head: head, body: body)
        self.upstream = upstream
        self.model = model
        pool = pools.pool(on: eventLoop)
        services.counts.began(model)
        send(usesNewConnection: false)
    }

    private func requestedModel() throws(CallRefusal) -> String {
        do throws(JSONError) {
            try scanner.finish()
        } catch {
            throw .invalid(error)
        }
        guard scanner.isObject, let member = scanner.member("model"), member.kind == .string else { throw .noModel }
        let start = body.readerIndex
        return JSONString.decode(
            body.readableBytesView[start + member.range.lowerBound..<start + member.range.upperBound])
    }

    private func send(usesNewConnection: Bool) {
        guard let request, let upstream, let pool else { return }
        let exchangeHandle = ExchangeHandle()
        self.exchangeHandle = exchangeHandle
        pool.send(
            request, to: upstream, for: self, exchangeHandle: exchangeHandle, timeouts: services.timeouts,
            usesNewConnection: usesNewConnection)
    }

    func writabilityChanged(isWritable: Bool) {
        if isWritable { exchangeHandle?.resumeReading() } else { exchangeHandle?.pauseReading() }
    }

    /// The gateway closed the connection: cancels the call to the engine.
    func cancel() {
        exchangeHandle?.cancel()
        end()
    }

    /// Frees the call's memory and counts its end, whatever the outcome; later calls have no effect.
    /// - Parameter isComplete: whether the engine's response was complete.
    func end(isComplete: Bool = false) {
        exchangeHandle = nil
        request = nil
        body = ByteBuffer()
        if reserved > 0 { connection.memory.release(reserved) }
        reserved = 0
        guard let model else { return }
        self.model = nil
        services.counts.ended(model, latency: isComplete ? ContinuousClock.now - arrival : nil)
    }

    // MARK: The response

    func responseHeadReceived(_ head: HTTPResponseHead) {
        var headers = ForwardedHeaders.response(from: head)
        // With the length the gateway can detect a truncated document. Without a length the response is chunked: a
        // truncated one lacks its last chunk.
        if let length = head.headers.first(name: "content-length") {
            headers.add(name: "Content-Length", value: length)
        }
        headWasSent = true
        connection.write(.head(HTTPResponseHead(version: .http1_1, status: head.status, headers: headers)))
        connection.flush()
    }

    func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline) {
        connection.write(.body(.byteBuffer(bytes)))
        connection.flush()
        if !connection.isWritable { exchangeHandle?.pauseReading() }
    }

    func responseEndReceived() {
        end(isComplete: true)
        connection.endResponse()
    }

    func upstreamFailed(_ failure: UpstreamFailure) {
        // The engine had already closed this kept-alive connection: no byte of a response arrived.
        if failure == .staleConnection, !headWasSent, !hasRetried {
            hasRetried = true
            return send(usesNewConnection: true)
        }
        end()
        guard !headWasSent else { return connection.abortResponse() }
        switch failure {
        case .exhausted, .bodyUnavailable: connection.fail(self, .noConnection)
        default: connection.fail(self, .engineUnreachable)
        }
    }
}
