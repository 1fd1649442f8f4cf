public import NIOCore
import NIOHTTP1

/// Makes one small exchange on a new connection, for probes and checks. With an upstream that serves no calls, it does not
/// count as activity of the runner.
public enum UpstreamFetch {
    /// A runner's response.
    public struct Response: Sendable {
        public let status: Int
        /// The `Content-Type`; empty if there is none.
        public let mediaType: String
        public let body: ByteBuffer

        public init(status: Int, mediaType: String = "", body: ByteBuffer = ByteBuffer()) {
            self.status = status
            self.mediaType = mediaType
            self.body = body
        }
    }

    /// Maximum length of a model list in bytes; a longer body is rejected.
    private static let maxBodySize = 4 << 20

    /// Sends a GET request. Must be called on the pool's event loop; `completion` is called there, once.
    /// - Parameters:
    ///   - path: appended to the upstream's path prefix.
    ///   - timeout: for the exchange, including the connection attempt.
    public static func get(
        _ path: String, from upstream: Upstream, pool: UpstreamPool, on eventLoop: any EventLoop,
        timeout: TimeAmount, completion: @escaping (Result<Response, UpstreamFailure>) -> Void
    ) {
        exchange(.GET, path, ByteBuffer(), upstream, pool, eventLoop, timeout, completion)
    }

    /// Sends a POST request with a JSON document; see `get`.
    public static func post(
        _ document: ByteBuffer, to path: String, of upstream: Upstream, pool: UpstreamPool,
        on eventLoop: any EventLoop, timeout: TimeAmount,
        completion: @escaping (Result<Response, UpstreamFailure>) -> Void
    ) {
        exchange(.POST, path, document, upstream, pool, eventLoop, timeout, completion)
    }

    private static func exchange(
        _ method: HTTPMethod, _ path: String, _ body: ByteBuffer, _ upstream: Upstream, _ pool: UpstreamPool,
        _ eventLoop: any EventLoop, _ timeout: TimeAmount,
        _ completion: @escaping (Result<Response, UpstreamFailure>) -> Void
    ) {
        var headers = HTTPHeaders([
            ("Host", upstream.authority), ("Accept", "application/json"), ("Connection", "close"),
        ])
        if method == .POST {
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "Content-Length", value: String(body.readableBytes))
        }
        if let key = upstream.apiKey { headers.add(name: "Authorization", value: "Bearer \(key)") }
        upstream.addHeaders(to: &headers)
        let head = HTTPRequestHead(
            version: .http1_1, method: method, uri: upstream.pathPrefix + path, headers: headers)
        let collector = Collector(completion)
        let limits = UpstreamTimeouts(connect: timeout, firstByte: timeout, gap: timeout)
        let exchangeHandle = ExchangeHandle()
        collector.cancel = { exchangeHandle.cancel() }
        collector.deadline = eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            // An accepted connection shows that the host is up, even if its engine is busy.
            let failure: UpstreamFailure =
                exchangeHandle.isExchanging ? .firstByteTimeout : .unreachable("no response in time")
            exchangeHandle.cancel()
            collector.finish(.failure(failure))
        }
        pool.send(
            UpstreamRequest(head: head, body: body), to: upstream, for: collector, exchangeHandle: exchangeHandle,
            timeouts: limits, usesNewConnection: true)
    }

    private final class Collector: UpstreamResponseReceiver {
        private var completion: ((Result<Response, UpstreamFailure>) -> Void)?
        private var status = 0
        private var mediaType = ""
        private var body = ByteBuffer()
        var deadline: Scheduled<Void>?
        var cancel: (() -> Void)?

        init(_ completion: @escaping (Result<Response, UpstreamFailure>) -> Void) {
            self.completion = completion
        }

        func responseHeadReceived(_ head: HTTPResponseHead) {
            status = Int(head.status.code)
            mediaType = head.headers.first(name: "content-type") ?? ""
        }

        func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline) {
            guard body.readableBytes + bytes.readableBytes <= maxBodySize else {
                cancel?()
                return finish(.failure(.malformed("the response is too long")))
            }
            body.writeImmutableBuffer(bytes)
        }

        func responseEndReceived() { finish(.success(Response(status: status, mediaType: mediaType, body: body))) }
        func upstreamFailed(_ failure: UpstreamFailure) { finish(.failure(failure)) }

        func finish(_ result: Result<Response, UpstreamFailure>) {
            deadline?.cancel()
            guard let completion else { return }
            self.completion = nil
            cancel = nil
            completion(result)
        }
    }
}
