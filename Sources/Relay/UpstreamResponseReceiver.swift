public import NIOCore
public import NIOHTTP1

/// The receiver of a runner's response. Its methods are called on the pool's event loop, in the order head, body…, end;
/// `upstreamFailed` may replace the rest at any point, once. No call follows `ExchangeHandle.cancel()`.
public protocol UpstreamResponseReceiver: AnyObject {
    func responseHeadReceived(_ head: HTTPResponseHead)
    /// - Parameter time: when the bytes were read.
    func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline)
    func responseEndReceived()
    func upstreamFailed(_ failure: UpstreamFailure)
}

/// A request to a runner: a head whose URI and headers are final, and the body.
public struct UpstreamRequest {
    public var head: HTTPRequestHead
    public var body: ByteBuffer
    /// Delivers the rest of the body, after `body`; nil if `body` is complete. The head's Content-Length includes both.
    public var bodySource: (any BodySource)?

    public init(head: HTTPRequestHead, body: ByteBuffer, bodySource: (any BodySource)? = nil) {
        self.head = head
        self.body = body
        self.bodySource = bodySource
    }
}

/// Timeouts of one exchange.
public struct UpstreamTimeouts: Hashable, Sendable {
    public var connect: TimeAmount
    /// From the last byte of the request to the first byte of the response body.
    public var firstByte: TimeAmount
    /// Between two bytes of the response; time during which the gateway itself does not read is not counted.
    public var gap: TimeAmount

    public init(connect: TimeAmount, firstByte: TimeAmount, gap: TimeAmount) {
        self.connect = connect
        self.firstByte = firstByte
        self.gap = gap
    }
}

/// A handle that controls one exchange, on the pool's event loop. It exists before the exchange, which may fail while it is
/// being started.
public final class ExchangeHandle {
    enum Progress {
        case connecting
        case exchanging(UpstreamConnection)
        case over
    }
    var progress: Progress = .connecting
    private(set) var wantsReads = true

    public init() {}

    /// Whether the connection is established and the exchange is not over.
    var isExchanging: Bool { if case .exchanging = progress { true } else { false } }

    /// Cancels the exchange by closing its connection, so that the engine stops. No effect after the exchange has ended.
    public func cancel() {
        defer { progress = .over }
        if case .exchanging(let connection) = progress { connection.abandonExchange() }
    }

    /// Stops delivery of the response: later bytes are read and dropped. The connection is kept if the response
    /// ends soon, and closed if its body stays open. No effect after the exchange has ended.
    public func release() {
        defer { progress = .over }
        if case .exchanging(let connection) = progress { connection.discardRemainder() }
    }

    /// Back-pressure: stops reads from the runner until `resumeReading`.
    public func pauseReading() {
        wantsReads = false
    }

    public func resumeReading() {
        guard !wantsReads else { return }
        wantsReads = true
        if case .exchanging(let connection) = progress { connection.readMore() }
    }
}
