import NIOCore

/// The state machine of a client's HTTP/2 connection: when it closes. Events in (past tense), actions out; no I/O, no clock.
/// `HTTP2ConnectionGuard` is the shell; the library counts frames and enforces the protocol.
struct HTTP2ConnectionState {
    enum Action: Equatable {
        case none
        case close
        /// Send GOAWAY: no new streams, close after the last one, and close at `latest` even if calls are in progress.
        case closeGracefully(latest: NIODeadline?)
        /// The graceful close has begun already; close at `latest`.
        case closeLatest(at: NIODeadline)
        /// The connection is in use.
        case keepOpen
        case wait(until: NIODeadline)
    }

    /// The scope of an error (RFC 9113 §5.4).
    enum Severity { case stream, unclear, connection }

    private var streams = 0
    private var isClosingGracefully = false
    private var idle: IdleDeadline
    private var drain: DrainDeadline

    init(idleTimeout: TimeAmount, drain: TimeAmount, now: NIODeadline) {
        idle = IdleDeadline(timeout: idleTimeout, now: now)
        self.drain = DrainDeadline(duration: drain)
    }

    /// Whether the next stream uses the connection's own entry; the others are counted separately.
    var nextStreamIsFirst: Bool { streams == 0 }

    /// When calls in progress have to end; nil until the gateway shuts down.
    var drainDeadline: NIODeadline? { drain.deadline }

    /// When the idle timer has to fire.
    var idleDeadline: NIODeadline { idle.deadline }

    mutating func streamBegan(at now: NIODeadline) {
        streams += 1
        idle.activityOccurred(at: now)
    }

    /// - Returns: whether the connection is idle now.
    mutating func streamEnded(at now: NIODeadline) -> Bool {
        streams -= 1
        idle.activityOccurred(at: now)
        return streams == 0
    }

    /// Without further frames from the client no stream can continue: a half-close counts as a disconnect.
    func inputClosed() -> Action { .close }

    mutating func drainBegan(at now: NIODeadline) -> Action {
        guard let deadline = drain.drainBegan(at: now) else { return .none }
        return closeGracefully(latest: deadline + DrainDeadline.connectionGracePeriod)
    }

    /// The connection was selected to be closed for a new one.
    mutating func evicted(at now: NIODeadline) -> Action {
        streams == 0 ? closeGracefully(latest: now + DrainDeadline.connectionGracePeriod) : .keepOpen
    }

    /// The library has already responded to the error.
    mutating func errorCaught(_ severity: Severity) -> Action {
        switch severity {
        case .stream: .none  // the stream has been reset; the others continue
        case .unclear: closeGracefully(latest: nil)
        case .connection: .close
        }
    }

    mutating func idleTimerFired(at now: NIODeadline) -> Action {
        // `StreamGuard` handles idle streams.
        switch idle.check(at: now, waitingFor: streams > 0 ? .gateway : .client) {
        case .wait(let deadline): .wait(until: deadline)
        case .idle, .bodyTooSlow: closeGracefully(latest: now + DrainDeadline.connectionGracePeriod)
        }
    }

    private mutating func closeGracefully(latest: NIODeadline?) -> Action {
        guard !isClosingGracefully else { return latest.map { .closeLatest(at: $0) } ?? .none }
        isClosingGracefully = true
        return .closeGracefully(latest: latest)
    }
}
