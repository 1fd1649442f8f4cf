import NIOCore
import NIOHTTP1
import SimpleAICore

/// The state machine of a client's HTTP/1 connection: which part of which request may be delivered, when the connection
/// reads, and when it closes.
///
/// Events in (past tense), actions out. No I/O, no clock, no logger; `ClientConnection` is the shell that performs the
/// actions and reports the events.
///
/// Invariants: at most one exchange exists at a time, so responses are in the order of requests; every request is delivered
/// as one head, its body and one end; after a refusal no part is delivered and no response may be written.
struct ClientConnectionState {
    /// The plane that serves a request.
    enum Route: Hashable { case dataPlane, controlPlane }

    /// The next step of a delivery.
    enum Delivery: Equatable {
        /// Offer the request to the data plane, and report `requestDeclined` if it does not claim it.
        case offer(HTTPRequestHead)
        case head(HTTPRequestHead)
        case body(ByteBuffer, Route)
        case end(Route)
        /// The response had been complete before its request.
        case exchangeEnded(ExchangeEnd)
        /// The client closed its sending side after the requests delivered so far.
        case inputEnded(Refusal)
        case refuse(Refusal)
    }

    enum ExchangeEnd: Equatable {
        case keepOpen
        case closeWhenSent
    }

    enum ResponseEndAction: Equatable {
        /// The exchange continues with the rest of its request.
        case awaitRequest
        /// The exchange has ended. Unless a delivery is in progress, deliver the next request.
        case exchangeEnded(ExchangeEnd, deliversNext: Bool)
    }

    /// How to respond to a malformed or too slow request.
    enum Refusal: Equatable {
        case none
        /// Send the error, close the sending side, and close when the discard timeout is over.
        case respond(GatewayError, Dialect = .openAI)
        /// As `respond`, without an error: the client would match a second response to another request.
        case closeOutput
        /// Too late for an error.
        case close
    }

    enum HeadAction: Equatable {
        case write
        /// Write the head with `Connection: close`.
        case writeAsLast
        /// The client has received an error: the response is too late.
        case drop
    }

    enum DrainAction: Equatable {
        case none
        case wait(until: NIODeadline)
        case closeWhenSent(latest: NIODeadline)
    }

    enum EvictionAction: Equatable { case close, keepOpen }

    enum TimerAction: Equatable {
        case wait(until: NIODeadline)
        case close
        /// End the call whose body arrives too slowly, or report `slowBodyRefused` if there is none.
        case refuseBody
    }

    /// A request and its response, until both are complete.
    private struct Exchange {
        enum Response { case awaited, begun, complete }
        var route = Route.dataPlane
        /// Whether the request has been delivered completely.
        var isRead = false
        var response = Response.awaited
        /// Whether the connection closes after this response.
        var isLast = false

        var isComplete: Bool { isRead && response == .complete }
    }

    private enum Phase {
        case open
        /// The last response is complete. Its writer closes the connection once all bytes are sent.
        case answered
        /// A malformed request was refused, or the connection is closed: further input is ignored, and nothing is written.
        case refused
    }

    /// The state of reads and deliveries.
    private struct Input {
        /// A response that completes during a delivery re-enters the state machine.
        var isDelivering = false
        /// Whether a part was passed through the pipeline since the last end of a read.
        var hasUnreportedParts = false
        /// Whether a requested read is held back until the next request may be read.
        var readIsHeld = false
        /// Whether the client has closed its sending side while received requests are not parsed yet.
        var hasPendingEnd = false
    }

    private var parser: RequestParser
    private var phase = Phase.open
    private var exchange: Exchange?
    private var input = Input()
    private var drain: DrainDeadline
    private var idle: IdleDeadline

    /// - Parameters:
    ///   - maxHead: in bytes.
    ///   - drain: `server.drain`.
    init(maxHead: Int, idleTimeout: TimeAmount, drain: TimeAmount, now: NIODeadline) {
        parser = RequestParser(maxHead: maxHead)
        idle = IdleDeadline(timeout: idleTimeout, now: now)
        self.drain = DrainDeadline(duration: drain)
    }

    // MARK: Requests

    mutating func bytesReceived(_ bytes: ByteBuffer) {
        if phase == .open { parser.append(bytes) }
    }

    /// - Returns: whether to deliver now, by `nextDelivery` until it returns nil.
    mutating func deliveryBegan() -> Bool {
        guard phase == .open, !input.isDelivering else { return false }
        input.isDelivering = true
        return true
    }

    /// The next step of the delivery; nil if no further part may be parsed now, which ends it.
    mutating func nextDelivery(at now: NIODeadline) -> Delivery? {
        if let end = endExchangeIfComplete() { return .exchangeEnded(end) }
        guard mayParseNext else { return endDelivery() }
        do throws(RequestParser.Violation) {
            guard let part = try parser.next() else {
                guard input.hasPendingEnd else { return endDelivery() }
                input.hasPendingEnd = false
                return .inputEnded(refusalOfIncompleteRequest())
            }
            return deliver(part, at: now)
        } catch {
            return .refuse(refuse(error.gatewayError, in: error.dialect))
        }
    }

    private mutating func deliver(_ part: RequestParser.Part, at now: NIODeadline) -> Delivery {
        switch part {
        case .head(let head):
            idle.requestBegan(at: now)
            exchange = Exchange()
            // A GET may request an upgrade, which a handler in the pipeline detects.
            guard head.method == .GET else { return .offer(head) }
            requestDeclined()
            return .head(head)
        case .body(let bytes):
            idle.bodyReceived(bytes.readableBytes)
            return .body(bytes, passedRoute())
        case .end:
            idle.requestEnded(at: now)
            exchange?.isRead = true
            return .end(passedRoute())
        }
    }

    /// The data plane does not claim the current request: the control plane serves it.
    mutating func requestDeclined() {
        exchange?.route = .controlPlane
        input.hasUnreportedParts = true
    }

    /// The route of the part that is delivered.
    private mutating func passedRoute() -> Route {
        guard let exchange, exchange.route == .controlPlane else { return .dataPlane }
        input.hasUnreportedParts = true
        return .controlPlane
    }

    private mutating func endDelivery() -> Delivery? {
        input.isDelivering = false
        return nil
    }

    private var mayParseNext: Bool {
        guard phase == .open else { return false }
        return exchange.map { !$0.isRead } ?? !drain.isDraining
    }

    // MARK: Reads

    /// - Returns: whether to signal the end of a read to the control plane: only if it was passed a part.
    mutating func readCompleted() -> Bool {
        defer { input.hasUnreportedParts = false }
        return input.hasUnreportedParts
    }

    /// Whether to keep a read outstanding while a request is being answered. It receives the client's disconnect or the
    /// beginning of the next request, after which reads are held back.
    var readsAhead: Bool { exchange?.isRead ?? false && !parser.hasPending }

    /// - Returns: whether to read now.
    mutating func readRequested() -> Bool {
        if holdsReads { input.readIsHeld = true }
        return !holdsReads
    }

    /// An exchange has ended.
    /// - Returns: whether a read was held back and is due now.
    mutating func readReleased() -> Bool {
        guard input.readIsHeld, !holdsReads else { return false }
        input.readIsHeld = false
        return true
    }

    /// Whether reads are held back: the next request is not read while a request is being answered. After the last response,
    /// reads only detect the end of the client's input.
    private var holdsReads: Bool { phase == .open && exchange?.isRead ?? false }

    /// The client closed its sending side.
    mutating func inputClosed() -> Refusal {
        mayParseNext ? refusalOfIncompleteRequest() : .none
    }

    /// The client closed its sending side, and no call is concerned.
    /// - Returns: whether the end takes effect now, and not after the requests that were received before it.
    mutating func inputEndReported() -> Bool {
        input.hasPendingEnd = readsRequestsBeforeEnd
        return !input.hasPendingEnd
    }

    private var readsRequestsBeforeEnd: Bool { exchange?.isRead ?? false && parser.hasPending }

    private mutating func refusalOfIncompleteRequest() -> Refusal {
        parser.isBetweenRequests ? .none : refuse(RequestParser.Violation.incomplete.gatewayError)
    }

    /// Whether the client has sent bytes beyond the request for an upgrade, which belong to no protocol.
    var hasBytesAfterUpgrade: Bool { parser.hasPending }

    // MARK: Responses

    /// Whether a response may still be written.
    var isOpen: Bool { phase != .refused }

    /// The control plane wrote the head of a response.
    mutating func headWritten(status: Int, keepAlive: Bool) -> HeadAction {
        guard isOpen else { return .drop }
        let isLast = drain.isDraining || !keepAlive
        if status >= 200 { responseBegan(isLast: isLast) }
        return drain.isDraining && keepAlive ? .writeAsLast : .write
    }

    mutating func responseBegan(isLast: Bool) {
        exchange?.response = .begun
        exchange?.isLast = isLast
    }

    /// The response has been written completely.
    /// - Parameters:
    ///   - isLast: whether the connection closes after it, whatever its head states.
    ///   - isWritable: whether the client has read enough of it for more to be written.
    mutating func responseCompleted(isLast: Bool, isWritable: Bool, at now: NIODeadline) -> ResponseEndAction {
        exchange?.response = .complete
        if isLast { exchange?.isLast = true }
        idle.activityOccurred(at: now)
        if !isWritable { idle.responseIsUnsent() }
        guard let end = endExchangeIfComplete() else { return .awaitRequest }
        return .exchangeEnded(end, deliversNext: !input.isDelivering)
    }

    private mutating func endExchangeIfComplete() -> ExchangeEnd? {
        guard let exchange, exchange.isComplete else { return nil }
        self.exchange = nil
        if exchange.isLast, phase == .open { phase = .answered }
        return drain.isDraining ? .closeWhenSent : .keepOpen
    }

    /// Start of the current idle time.
    var idleSince: NIODeadline { idle.lastActivity }

    // MARK: Refusals

    private mutating func refuse(_ error: GatewayError, in dialect: Dialect = .openAI) -> Refusal {
        switch exchange?.response {
        // The last response is complete.
        case .complete where exchange?.isLast ?? false:
            phase = .answered
            return .none
        case .complete:
            phase = .refused
            return .closeOutput
        case .begun:
            phase = .refused
            return .close
        case .awaited, nil:
            phase = .refused
            return .respond(error, dialect)
        }
    }

    /// The body of a request that no call reads arrives too slowly.
    mutating func slowBodyRefused() -> Refusal {
        let isAwaited = exchange?.response == .awaited
        phase = .refused
        return isAwaited ? .respond(.bodyIsTooSlow) : .close
    }

    /// The connection is closed. A response may still be written before the pipeline is removed; no further request may
    /// begin after it.
    mutating func connectionClosed() {
        phase = .refused
    }

    // MARK: Deadlines

    mutating func drainBegan(at now: NIODeadline) -> DrainAction {
        guard let deadline = drain.drainBegan(at: now), isOpen else { return .none }
        return exchange == nil ? .closeWhenSent(latest: deadline) : .wait(until: deadline)
    }

    mutating func drainExpired(at now: NIODeadline, isCalling: Bool) -> DrainDeadline.Action {
        guard isOpen else { return .close }
        return drain.expired(at: now, isCalling: isCalling)
    }

    /// The connection was selected to be closed for a new one.
    func evicted() -> EvictionAction {
        exchange == nil && !parser.hasPending ? .close : .keepOpen
    }

    /// When the idle timer has to fire.
    var idleDeadline: NIODeadline { idle.deadline }

    /// The idle timer fired.
    /// - Parameters:
    ///   - holdsReads: whether the data plane holds back reads of the current request.
    ///   - isWritable: whether more may be written, because the client reads.
    ///   - unsentBytes: number of bytes written that the kernel has not accepted.
    mutating func idleTimerFired(
        at now: NIODeadline, holdsReads: Bool, isWritable: Bool, unsentBytes: Int
    ) -> TimerAction {
        let wait: IdleDeadline.Wait
        if let exchange, !exchange.isRead {
            wait = holdsReads ? .gateway : .client
        } else if exchange != nil, isWritable {
            // Generating a response may take long and does not count as idle, unless the client reads too slowly.
            wait = .gateway
        } else {
            wait = .reader(unsentBytes: unsentBytes)
        }
        switch idle.check(at: now, waitingFor: wait) {
        case .wait(let deadline): return .wait(until: deadline)
        case .idle: return .close
        case .bodyTooSlow: return .refuseBody
        }
    }
}
