import NIOCore
import NIOHTTP1

/// The state machine of a connection to a runner: which part of a response is delivered, when the connection reads, and
/// whether it may carry another exchange.
///
/// Events in (past tense), actions out. No I/O, no clock, no logger; `UpstreamConnection` is the shell that performs the
/// actions and reports the events. The receiver is the `UpstreamResponseReceiver` of the exchange.
///
/// Invariants: at most one exchange exists at a time; nothing is delivered after its end; every exchange ends once, with
/// `end`, a failure, or by the receiver; after unrequested, malformed or surplus bytes the connection carries no further
/// exchange.
struct UpstreamConnectionState {
    /// The next step of a delivery.
    enum Delivery: Equatable {
        case head(HTTPResponseHead)
        case body(ByteBuffer)
        /// The response is complete.
        case end(End)
        /// Close the connection; the exchange fails when it is closed.
        case close
    }

    struct End: Equatable {
        /// Whether the connection may carry another exchange; otherwise close it.
        var isReusable: Bool
        /// Whether the engine served the request.
        var isServed: Bool
    }

    enum BodyAction: Equatable {
        /// Write the piece; report it with `bodyWritten`, and the last one also with `requestWritten`.
        case write(isLast: Bool)
        case close
    }

    enum ReceiveAction: Equatable {
        case deliver
        case close
    }

    enum ReleaseAction: Equatable {
        case none
        /// Read the rest of the response until `deadline`.
        case awaitEnd(deadline: NIODeadline)
    }

    enum TimerAction: Equatable {
        case none
        case wait(until: NIODeadline)
        case close
    }

    /// How the exchange in progress ends because the connection is closed.
    enum CloseResult: Equatable {
        /// No exchange is in progress, or its receiver has received all that it needs.
        case none
        /// The end of the connection ends the response.
        case ended
        case failed(UpstreamFailure)
    }

    /// What ended the connection, as far as it matters for the exchange.
    enum Failure: Equatable {
        /// The TLS handshake failed.
        case untrusted(String)
        /// The kernel ended the connection for lack of acknowledgements.
        case timedOut
        case other
    }

    /// A request and its response.
    private struct Exchange {
        enum Response {
            case awaited
            case head(isSuccess: Bool, keepAlive: Bool)
            case body(isSuccess: Bool, keepAlive: Bool)
        }

        let timeouts: UpstreamTimeouts
        let isFirstOnConnection: Bool
        /// Whether the request asks to close the connection after it.
        let isLast: Bool
        var lastProgress: NIODeadline
        /// Number of bytes that the source of the request body has not delivered.
        var unreadBytes: Int
        /// Number of bytes of the request body that were delivered, and that the socket has not accepted.
        var unsentBytes = 0
        /// Whether the head of a request with a body source has been written; not tracked for others.
        var headIsWritten = false
        var requestIsWritten = false
        var response = Response.awaited
        /// Whether the receiver has received all that it needs: the rest of the response is dropped.
        var isReleased = false
        /// Number of body bytes received after the release.
        var droppedBytes = 0

        var hasHead: Bool { if case .awaited = response { false } else { true } }
        var bodyHasBegun: Bool { if case .body = response { true } else { false } }

        /// Whether the response has a 2xx status.
        var isSuccess: Bool {
            switch response {
            case .awaited: false
            case .head(let isSuccess, _), .body(let isSuccess, _): isSuccess
            }
        }

        var keepAlive: Bool {
            switch response {
            case .awaited: false
            case .head(_, let keepAlive), .body(_, let keepAlive): keepAlive && !isLast
            }
        }
    }

    /// The state of reads and deliveries.
    private struct Input {
        /// Whether a requested read has not delivered bytes yet.
        var isReadOutstanding = false
        var isDelivering = false
    }

    /// How the connection is closing.
    private struct Closing {
        /// Whether the connection is closing or closed, as far as is known.
        var hasBegun = false
        /// The error that causes the channel to close.
        var cause: UpstreamFailure?
        /// Whether an error ended the connection: a response that is delimited by the end of its connection is then
        /// incomplete.
        var isBroken = false
    }

    /// Limits for the rest of a response after its receiver released it: time, and length in bytes.
    static let dropTimeout: TimeAmount = .seconds(1)
    static let maxDropped = 64 << 10
    /// In bytes: no further piece of a request body is read while the socket has not accepted this many.
    static let maxUnsent = 128 << 10

    private let lifetimes: UpstreamLifetimes
    private let openedAt: NIODeadline
    private var idleSince: NIODeadline
    private var parser = ResponseParser()
    private var exchange: Exchange?
    /// Number of exchanges so far.
    private(set) var exchanges = 0
    private var input = Input()
    private var closing = Closing()
    /// When the progress timer fires; nil if it is not set.
    private var timerFiresAt: NIODeadline?

    init(lifetimes: UpstreamLifetimes, now: NIODeadline) {
        self.lifetimes = lifetimes
        openedAt = now
        idleSince = now
    }

    // MARK: Exchanges

    var isExchanging: Bool { exchange != nil }

    /// Whether the connection may carry a new exchange: it is idle, open, and within its lifetimes.
    func isReusable(at now: NIODeadline) -> Bool {
        !closing.hasBegun && exchange == nil && idleSince + lifetimes.idle > now && openedAt + lifetimes.age > now
    }

    /// When the connection may no longer be kept idle.
    var expiresAt: NIODeadline { min(idleSince + lifetimes.idle, openedAt + lifetimes.age) }

    /// A request is about to be written.
    /// - Parameters:
    ///   - isLast: whether it asks to close the connection after it.
    ///   - unreadBytes: number of bytes of its body that a source will deliver.
    /// - Returns: when the progress timer has to fire, if it must be set.
    mutating func exchangeBegan(
        timeouts: UpstreamTimeouts, isLast: Bool, unreadBytes: Int = 0, at now: NIODeadline
    ) -> NIODeadline? {
        exchange = Exchange(
            timeouts: timeouts, isFirstOnConnection: exchanges == 0, isLast: isLast, lastProgress: now,
            unreadBytes: unreadBytes)
        exchanges += 1
        parser.begin()
        // Progress does not move the timer; it only records its time. The timer fires when the shorter of the two timeouts could first
        // expire, and stays armed between exchanges, so that a busy connection arms it every few minutes.
        let deadline = now + min(timeouts.gap, timeouts.firstByte)
        if let timerFiresAt, timerFiresAt <= deadline { return nil }
        timerFiresAt = deadline
        return deadline
    }

    /// - Parameter number: of the exchange, as `exchanges` counted it.
    mutating func requestWritten(_ number: Int, at now: NIODeadline) {
        guard number == exchanges else { return }
        exchange?.requestIsWritten = true
        exchange?.lastProgress = now
    }

    // MARK: Request bodies in pieces

    /// Whether the next piece of the request body is to be read from its source. A response that begins early does not
    /// change this (RFC 9110 §7.5): the engine may need the rest of the body for the rest of its response. A response that
    /// ends early does.
    var wantsBody: Bool {
        guard let exchange, !exchange.isReleased, !closing.hasBegun else { return false }
        return exchange.unreadBytes > 0 && exchange.unsentBytes < Self.maxUnsent
    }

    /// - Parameter number: of the exchange, as `exchanges` counted it.
    mutating func requestHeadWritten(_ number: Int) {
        if number == exchanges { exchange?.headIsWritten = true }
    }

    /// The source has delivered a piece, because `wantsBody` was true.
    mutating func bodyRead(_ count: Int) -> BodyAction {
        // More bytes than the head states would be read as the next request.
        guard let exchange, count > 0, count <= exchange.unreadBytes else {
            fail(.bodyUnavailable("its length is not the announced one"))
            return .close
        }
        self.exchange?.unreadBytes -= count
        self.exchange?.unsentBytes += count
        return .write(isLast: exchange.unreadBytes == count)
    }

    /// The socket has accepted a piece.
    mutating func bodyWritten(_ number: Int, _ count: Int, at now: NIODeadline) {
        guard number == exchanges else { return }
        exchange?.unsentBytes -= count
        exchange?.lastProgress = now
    }

    /// The source cannot deliver the rest. The connection is closed: the engine waits for a complete request.
    mutating func bodyFailed(_ reason: String) {
        fail(.bodyUnavailable(reason))
    }

    /// The client has disconnected. In HTTP/1.1, closing the connection is the only way to make an engine stop.
    mutating func exchangeAbandoned() {
        exchange = nil
        closing.hasBegun = true
    }

    /// The receiver has received all that it needs; the rest of the response is dropped.
    /// - Returns: what to do now; during a delivery `deliveryEnded` decides.
    mutating func exchangeReleased(at now: NIODeadline) -> ReleaseAction {
        exchange?.isReleased = true
        return input.isDelivering ? .none : awaitEnd(at: now)
    }

    /// Whether the exchange in progress has a response with a 2xx status, which counts as served when it is released.
    var responseIsSuccess: Bool { exchange?.isSuccess ?? false }

    /// Most responses end in the read that contained the final event; only the others need a timer.
    private mutating func awaitEnd(at now: NIODeadline) -> ReleaseAction {
        guard exchange?.isReleased ?? false else { return .none }
        let deadline = now + Self.dropTimeout
        timerFiresAt = deadline
        return .awaitEnd(deadline: deadline)
    }

    // MARK: Reads

    /// - Returns: whether to read: not while a read is outstanding.
    mutating func readRequested() -> Bool {
        defer { input.isReadOutstanding = true }
        return !input.isReadOutstanding
    }

    /// The receiver resumed reading.
    mutating func readingResumed(at now: NIODeadline) {
        exchange?.lastProgress = now
    }

    /// - Parameter requestIsPending: whether bytes of the request wait to be written.
    mutating func bytesReceived(_ bytes: ByteBuffer, requestIsPending: Bool) -> ReceiveAction {
        input.isReadOutstanding = false
        guard let exchange else {
            // Unrequested bytes: a connection in an unknown state must not carry a caller's prompt.
            closing.hasBegun = true
            return .close
        }
        // Bytes on a reused connection before the request was sent are not its response. The engine is closing the
        // connection; the request has not reached it.
        if !exchange.hasHead, !exchange.isFirstOnConnection, parser.isEmpty, requestIsPending, !exchange.headIsWritten {
            fail(.staleConnection)
            return .close
        }
        parser.append(bytes)
        input.isDelivering = true
        return .deliver
    }

    /// The next step of the delivery; nil if it is over. After `end` or `close` there is no other.
    mutating func nextDelivery(at now: NIODeadline) -> Delivery? {
        do throws(ResponseParser.Violation) {
            // The receiver may end the exchange while it receives a part.
            while exchange != nil, !closing.hasBegun, let part = try parser.next() {
                switch part {
                case .head(let head): return headReceived(head)
                case .body(let bytes): if let delivery = bodyReceived(bytes, at: now) { return delivery }
                case .end: return end(at: now)
                }
            }
            return nil
        } catch {
            return fail(.malformed(error.description))
        }
    }

    private mutating func headReceived(_ head: HTTPResponseHead) -> Delivery? {
        guard let exchange else { return nil }
        if head.status == .switchingProtocols {
            // The gateway offered no upgrade, and the bytes that follow are not HTTP: the response would never end.
            return fail(.malformed("the engine switches protocols"))
        }
        if head.status == .requestTimeout, !exchange.isFirstOnConnection {
            // RFC 9110 §15.5.9: the engine closes a connection that was idle for too long. The request arrived too late to be
            // read.
            return fail(.staleConnection)
        }
        self.exchange?.response = .head(isSuccess: 200...299 ~= head.status.code, keepAlive: head.connectionPersists)
        return .head(head)
    }

    /// - Returns: nil if the piece is dropped.
    private mutating func bodyReceived(_ bytes: ByteBuffer, at now: NIODeadline) -> Delivery? {
        exchange?.lastProgress = now
        if case .head(let isSuccess, let keepAlive)? = exchange?.response {
            exchange?.response = .body(isSuccess: isSuccess, keepAlive: keepAlive)
        }
        guard let exchange, exchange.isReleased else { return .body(bytes) }
        self.exchange?.droppedBytes += bytes.readableBytes
        guard exchange.droppedBytes + bytes.readableBytes > Self.maxDropped else { return nil }
        closing.hasBegun = true
        return .close
    }

    private mutating func end(at now: NIODeadline) -> Delivery? {
        guard let exchange else { return nil }
        self.exchange = nil
        idleSince = now
        // The request decides, too: if the engine ignored its `Connection: close`, each such request would leave a connection
        // behind. If the response ended before the request was written, the rest of the request would precede the next one.
        let isReusable = exchange.keepAlive && exchange.requestIsWritten && parser.isEmpty && self.isReusable(at: now)
        if !isReusable { closing.hasBegun = true }
        return .end(End(isReusable: isReusable, isServed: exchange.isSuccess))
    }

    /// The delivery is over.
    mutating func deliveryEnded(at now: NIODeadline) -> ReleaseAction {
        input.isDelivering = false
        return closing.hasBegun ? .none : awaitEnd(at: now)
    }

    /// - Parameter wantsReads: whether the receiver wants to read.
    /// - Returns: whether to read on: always between exchanges, to detect the engine's disconnect.
    mutating func readCompleted(wantsReads: Bool) -> Bool {
        // With TLS a read may contain no application bytes.
        input.isReadOutstanding = false
        guard let exchange, !exchange.isReleased else { return true }
        return wantsReads
    }

    // MARK: Closing

    /// The pool closes the connection.
    mutating func closeRequested() {
        closing.hasBegun = true
    }

    /// The runner's machine was declared unreachable.
    /// - Returns: whether to close, unless a response is being received: such a connection ends when TCP gets no more
    ///   acknowledgements.
    mutating func machineBecameUnreachable() -> Bool {
        guard !(exchange?.hasHead ?? false) else { return false }
        fail(.runnerDeclaredUnreachable)
        return true
    }

    /// The channel failed, and is to be closed.
    mutating func errorCaught(_ failure: Failure) {
        closing.hasBegun = true
        switch failure {
        case .untrusted(let text): closing.cause = .untrusted(text)
        case .timedOut:
            closing.isBroken = true
            if let exchange, !exchange.hasHead { closing.cause = closing.cause ?? .connectionTimedOut }
        case .other: closing.isBroken = true
        }
    }

    @discardableResult
    private mutating func fail(_ failure: UpstreamFailure) -> Delivery {
        closing.hasBegun = true
        closing.cause = closing.cause ?? failure
        return .close
    }

    /// The connection is closed.
    mutating func connectionClosed() -> CloseResult {
        closing.hasBegun = true
        guard let exchange else { return .none }
        self.exchange = nil
        if exchange.isReleased { return .none }
        if parser.endsWithConnection, !closing.isBroken, closing.cause == nil { return .ended }
        return .failed(closing.cause ?? failure(of: exchange))
    }

    private func failure(of exchange: Exchange) -> UpstreamFailure {
        if exchange.hasHead { return .closedDuringResponse }
        // After part of a head the connection was not stale: the engine had begun to respond to this request.
        return exchange.isFirstOnConnection || !parser.isEmpty ? .closedBeforeResponse : .staleConnection
    }

    /// The error that closed the connection, for the log.
    var cause: UpstreamFailure? { closing.cause }

    // MARK: Timeouts

    /// The progress timer fired.
    /// - Parameter wantsReads: whether the receiver wants to read; the timeouts do not include time in which it does not.
    mutating func timerFired(at now: NIODeadline, wantsReads: Bool) -> TimerAction {
        timerFiresAt = nil
        guard let exchange else { return .none }
        guard !exchange.isReleased else {
            closing.hasBegun = true
            return .close
        }
        if !wantsReads { self.exchange?.lastProgress = now }
        let limit = exchange.bodyHasBegun ? exchange.timeouts.gap : exchange.timeouts.firstByte
        let due = (wantsReads ? exchange.lastProgress : now) + limit
        guard due <= now else {
            // The body may begin at any moment, and the gap timeout counts from then.
            let deadline = exchange.bodyHasBegun ? due : min(due, now + exchange.timeouts.gap)
            timerFiresAt = deadline
            return .wait(until: deadline)
        }
        closing.hasBegun = true
        closing.cause = exchange.bodyHasBegun ? .gapTimeout : .firstByteTimeout
        return .close
    }
}
