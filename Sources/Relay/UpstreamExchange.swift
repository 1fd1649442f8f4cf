public import NIOCore
public import NIOHTTP1

/// Who gets a runner's answer. All calls come on the pool's event loop, in the order head, body…, ended; or failed, at
/// any point and once. Nothing comes after `UpstreamTicket.cancel()`.
public protocol UpstreamExchange: AnyObject {
    func upstreamAnswered(_ head: HTTPResponseHead)
    /// - Parameter time: now.
    func upstreamSent(_ bytes: ByteBuffer, at time: NIODeadline)
    func upstreamEnded()
    func upstreamFailed(_ failure: UpstreamFailure)
}

/// What is sent to a runner: a head whose URI and headers are final, and the whole body.
public struct UpstreamRequest {
    public var head: HTTPRequestHead
    public var body: ByteBuffer

    public init(head: HTTPRequestHead, body: ByteBuffer) {
        self.head = head
        self.body = body
    }
}

/// Limits of one exchange.
public struct UpstreamTimeouts: Hashable, Sendable {
    public var connect: TimeAmount
    /// From the request's last byte to the answer body's first.
    public var firstByte: TimeAmount
    /// Between two bytes of the answer; time during which we ourselves do not read does not count.
    public var gap: TimeAmount

    public init(connect: TimeAmount, firstByte: TimeAmount, gap: TimeAmount) {
        self.connect = connect
        self.firstByte = firstByte
        self.gap = gap
    }
}

/// The handle of one exchange; belongs to the pool's event loop. Made by whoever asks, before the asking: an exchange
/// may fail while it is being started.
public final class UpstreamTicket {
    enum Progress {
        case connecting
        case exchanging(UpstreamConnection)
        case over
    }
    var progress: Progress = .connecting
    private(set) var wantsReads = true

    public init() {}

    /// The connection is established, and the exchange is not over.
    var isExchanging: Bool { if case .exchanging = progress { true } else { false } }

    /// Stops the exchange: the connection is closed, which tells the engine to stop working. A no-op afterwards.
    public func cancel() {
        defer { progress = .over }
        if case .exchanging(let connection) = progress { connection.abandonExchange() }
    }

    /// The caller has all that it wanted: whatever else comes is read and dropped. The connection is kept if the response
    /// ends within a moment, and closed if its body stays open. A no-op afterwards.
    public func release() {
        defer { progress = .over }
        if case .exchanging(let connection) = progress { connection.dropRest() }
    }

    /// Back-pressure: nothing more is read from the runner until `resumeReading`.
    public func pauseReading() {
        wantsReads = false
    }

    public func resumeReading() {
        guard !wantsReads else { return }
        wantsReads = true
        if case .exchanging(let connection) = progress { connection.readMore() }
    }
}
