import NIOCore

/// The state machine of an HTTP/2 stream's deadlines: when its client is too slow, and when its call ends at shutdown. Events
/// in (past tense), actions out; no I/O, no clock. `StreamGuard` is the shell.
struct StreamState {
    enum TimerAction: Equatable {
        case wait(until: NIODeadline)
        /// Reset the stream.
        case abort
        /// End the call whose body arrives too slowly, or reset the stream if there is none.
        case refuseBody
    }

    private var requestIsComplete = false
    private var idle: IdleDeadline
    private var drain: DrainDeadline

    init(idleTimeout: TimeAmount, drain: TimeAmount, now: NIODeadline) {
        idle = IdleDeadline(timeout: idleTimeout, now: now)
        self.drain = DrainDeadline(duration: drain)
    }

    // MARK: Requests and responses

    mutating func headReceived(at now: NIODeadline) {
        idle.requestBegan(at: now)
    }

    /// - Parameter count: of the piece, in bytes.
    mutating func bodyReceived(_ count: Int) {
        idle.bodyReceived(count)
    }

    mutating func endReceived(at now: NIODeadline) {
        requestIsComplete = true
        idle.requestEnded(at: now)
    }

    /// An observed write has left the services.
    mutating func responseSent(at now: NIODeadline) {
        idle.activityOccurred(at: now)
    }

    // MARK: Deadlines

    /// When the idle timer has to fire.
    var idleDeadline: NIODeadline { idle.deadline }

    /// - Parameters:
    ///   - holdsReads: whether the data plane holds back reads of the request.
    ///   - isWritable: whether more may be written, because the client reads.
    mutating func idleTimerFired(at now: NIODeadline, holdsReads: Bool, isWritable: Bool) -> TimerAction {
        let isWaitingForGateway = requestIsComplete ? isWritable : holdsReads
        return switch idle.check(at: now, waitingFor: isWaitingForGateway ? .gateway : .client) {
        case .wait(let deadline): .wait(until: deadline)
        case .idle: .abort
        case .bodyTooSlow: .refuseBody
        }
    }

    /// - Parameter deadline: of the connection, if it was draining when the stream was opened.
    /// - Returns: when the call has to end; nil if this was known.
    mutating func drainBegan(at now: NIODeadline, until deadline: NIODeadline? = nil) -> NIODeadline? {
        guard let deadline else { return drain.drainBegan(at: now) }
        return drain.drainBegan(until: deadline)
    }

    mutating func drainExpired(at now: NIODeadline, isCalling: Bool) -> DrainDeadline.Action {
        drain.expired(at: now, isCalling: isCalling)
    }
}
