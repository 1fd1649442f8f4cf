import Dialects
import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore

/// One call from the gateway to an engine. Belongs to its connection's event loop.
///
/// A JSON body is buffered until it is complete and its model is known. A form goes to the engine as it arrives, once its
/// model is known: from the head, if the gateway states it there, or else from the field `model`, up to which it is buffered.
final class RelayedCall: UpstreamResponseReceiver {
    let head: HTTPRequestHead
    private let endpoint: Endpoint
    private let services: CallServices
    private unowned let connection: CallHandler
    private var scanner = JSONScanner(watching: RequestKeys.body)
    /// Reads a form; nil for a JSON body.
    private var form: MultipartScanner?
    private var body = ByteBuffer()
    /// The rest of a form that is being sent to the engine.
    private(set) var incomingBody: IncomingBody?
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

    /// - Throws: a refusal if the endpoint does not accept the body's media type, or the body is too large.
    init(
        head: HTTPRequestHead, endpoint: Endpoint, services: CallServices, connection: CallHandler
    ) throws(CallRefusal) {
        self.head = head
        self.endpoint = endpoint
        self.services = services
        self.connection = connection
        form = try Self.form(head, at: endpoint)
        if let length = Self.length(of: head), length > CallServices.maxBody.bytes { throw .tooLarge }
    }

    private static func form(
        _ head: HTTPRequestHead, at endpoint: Endpoint
    ) throws(CallRefusal) -> MultipartScanner? {
        let contentType = head.headers.first(name: "content-type")
        let isForm = contentType.map { MultipartBoundary.isFormData($0) } ?? false
        guard endpoint.bodyKind == .multipart || endpoint.bodyKind == .either && isForm else { return nil }
        do throws(GatewayError) {
            return MultipartScanner(try MultipartBoundary(contentType: contentType))
        } catch {
            throw .invalidForm(error)
        }
    }

    /// The stated length of the body; nil if there is none.
    static func length(of head: HTTPRequestHead) -> Int? {
        head.headers.first(name: "content-length").flatMap { Int($0) }
    }

    // MARK: The request

    /// - Returns: whether the model is known although the body is not complete, so that `forward` can begin.
    func receive(_ bytes: ByteBuffer) throws(CallRefusal) -> Bool {
        if let incomingBody {
            incomingBody.receive(bytes)
            return false
        }
        guard body.readableBytes + bytes.readableBytes <= CallServices.maxBody.bytes else { throw .tooLarge }
        guard connection.memory.reserve(bytes.readableBytes) == .granted else { throw .noMemory }
        reserved += bytes.readableBytes
        try scan(bytes)
        body.writeImmutableBuffer(bytes)
        // Without a length, the end of the request is not known beforehand.
        guard modelOfForm != nil, let length = Self.length(of: head) else { return false }
        return length > body.readableBytes
    }

    private func scan(_ bytes: ByteBuffer) throws(CallRefusal) {
        let refusal: CallRefusal? = bytes.withUnsafeReadableBytes { bytes in
            do throws(GatewayError) {
                guard form == nil else {
                    try form?.scan(bytes)
                    return nil
                }
            } catch {
                return .invalidForm(error)
            }
            do throws(JSONError) {
                try scanner.scan(bytes)
                return nil
            } catch {
                return .invalid(error)
            }
        }
        if let refusal { throw refusal }
    }

    /// Forwards the request to the engine that has its model: the complete request, or, after `receive` returned true, its
    /// beginning, which the rest will follow.
    func forward(on pools: UpstreamPools) throws(CallRefusal) {
        let model = try requestedModel()
        guard let upstream = services.roster.upstream(for: model) else { throw .unknownModel(model) }
        guard let eventLoop = connection.eventLoop else { return }
        let length = Self.length(of: head) ?? body.readableBytes
        if length > body.readableBytes { incomingBody = IncomingBody(length: length - body.readableBytes) }
        let json = "application/json"
        let contentType = form == nil ? json : head.headers.first(name: "content-type") ?? json
        let head = ForwardedHeaders.request(
            from: head, path: endpoint.path, dialect: endpoint.dialect, to: upstream, contentType: contentType,
            bodyLength: incomingBody == nil ? body.readableBytes : length,
            requestID: head.headers.first(name: "x-request-id") ?? "")
        request = UpstreamRequest(head: head, body: body, bodySource: incomingBody)
        self.upstream = upstream
        self.model = model
        pool = pools.pool(on: eventLoop)
        services.counts.began(model)
        // The rest of a form can be sent only once, so that a retry after a stale connection is impossible.
        send(usesNewConnection: incomingBody != nil)
    }

    private func requestedModel() throws(CallRefusal) -> String {
        if form != nil { return try modelInForm() }
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

    /// The model of a form, as far as it is known.
    private var modelOfForm: String? {
        guard let form else { return nil }
        return form.model ?? head.headers.first(name: AgentRequest.modelField)
    }

    private func modelInForm() throws(CallRefusal) -> String {
        if let modelOfForm { return modelOfForm }
        do throws(GatewayError) {
            _ = try form?.finish()
        } catch {
            throw .invalidForm(error)
        }
        throw .noModel
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
        incomingBody?.cancel()
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
        if failure == .staleConnection, !headWasSent, !hasRetried, incomingBody == nil {
            hasRetried = true
            return send(usesNewConnection: true)
        }
        end()
        guard !headWasSent else { return connection.abortResponse() }
        connection.fail(self, Self.refusal(after: failure))
    }

    private static func refusal(after failure: UpstreamFailure) -> CallRefusal {
        switch failure {
        case .exhausted, .bodyUnavailable: .noConnection
        default: failure.occurredBeforeSending ? .engineUnreachable : .engineConnectionLost
        }
    }
}
