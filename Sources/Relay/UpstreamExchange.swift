public import NIOCore
public import NIOHTTP1

/// Receives a runner's response. All calls are made on the pool's event loop, in the order head, body…, ended; or
/// failed, at any point and once. No call follows `ExchangeHandle.cancel()`.
public protocol UpstreamExchange: AnyObject {
    func responseHeadReceived(_ head: HTTPResponseHead)
    /// - Parameter time: now.
    func responseBodyReceived(_ bytes: ByteBuffer, at time: NIODeadline)
    func responseEndReceived()
    func upstreamFailed(_ failure: UpstreamFailure)
}

/// A request to a runner: a head whose URI and headers are final, and the whole body.
public struct UpstreamRequest {
    public var head: HTTPRequestHead
    public var body: ByteBuffer

    public init(head: HTTPRequestHead, body: ByteBuffer) {
        self.head = head
        self.body = body
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

/// The handle of one exchange; belongs to the pool's event loop. The caller creates it before the exchange starts,
/// because an exchange may fail while it is being started.
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

    /// Cancels the exchange: closes the connection, on which the engine stops working. A no-op after the exchange has
    /// ended.
    public func cancel() {
        defer { progress = .over }
        if case .exchanging(let connection) = progress { connection.abandonExchange() }
    }

    /// Releases the exchange because the caller has everything it needs: later bytes are read and dropped. The
    /// connection is kept if the response ends within a moment, and closed if its body stays open. A no-op after the
    /// exchange has ended.
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
