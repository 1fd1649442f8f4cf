/// The state machine of `InferenceHandler`: which plane the current request belongs to, and how the connection continues
/// after a response of the data plane.
///
/// Events in (past tense), actions out. No I/O, no clock.
/// - `Call`: the call that a claimed request starts.
struct InferenceState<Call> {
    enum HeadAction: Equatable {
        /// Claim the request if its path is an inference path.
        case offer
        case ignore
        /// A request before the end of the previous one.
        case close
    }

    enum PartAction {
        /// The request belongs to the control plane.
        case pass
        case deliver(Call)
        case ignore
        case close
    }

    enum DisconnectAction {
        /// The data plane is not concerned; a control-plane request may survive a half-close.
        case pass
        case end(Call)
        case close
        /// The response is complete; the client may still read it.
        case ignore
    }

    enum ResponseEndAction: Equatable {
        case keepOpen
        /// Close once the response has been sent.
        case closeWhenSent
    }

    enum SentAction: Equatable {
        case close
        /// Shows the client that the response has ended; it may still send the rest of its request.
        case closeOutput
    }

    private enum Phase {
        /// Between requests, or within a control-plane request.
        case passing
        case calling(Call)
        /// The client disconnected during a call, or the response was aborted.
        case ended
        /// The response was complete before the request: the rest of the body is discarded, up to a limit.
        case discarding(bytesLeft: Int)
        /// The last response is being sent.
        case closing
    }

    /// The current control-plane request.
    private struct PassedRequest {
        /// Whether it has `Connection: close`, or implies it (HTTP/1.0).
        var isLast = false
        var isHead = false
        /// Whether a part was passed since the last end of a read.
        var hasUnreportedParts = false
    }

    /// Maximum number of bytes of a refused body that are discarded before the connection is closed. Closing immediately
    /// would reset the connection, and the client's kernel would drop the response.
    static var maxDiscardedBytes: Int { 8 << 20 }

    private var phase = Phase.passing
    private var passed = PassedRequest()
    /// Whether a requested read is held back until `readingResumed`.
    private var readIsHeld = false

    /// The call in progress.
    var call: Call? {
        if case .calling(let call) = phase { call } else { nil }
    }

    // MARK: Requests

    func headReceived() -> HeadAction {
        switch phase {
        case .passing: .offer
        case .calling, .discarding: .close
        case .ended, .closing: .ignore
        }
    }

    mutating func callBegan(_ call: Call) {
        phase = .calling(call)
    }

    /// A head was passed to the control plane.
    mutating func headPassed(isLast: Bool, isHead: Bool) {
        passed = PassedRequest(isLast: isLast, isHead: isHead, hasUnreportedParts: true)
    }

    /// - Parameter count: of the piece, in bytes.
    mutating func bodyReceived(_ count: Int) -> PartAction {
        switch phase {
        case .passing:
            passed.hasUnreportedParts = true
            return .pass
        case .calling(let call): return .deliver(call)
        case .discarding(let left):
            phase = .discarding(bytesLeft: max(0, left - count))
            return left < count ? .close : .ignore
        case .ended, .closing: return .ignore
        }
    }

    mutating func endReceived() -> PartAction {
        switch phase {
        case .passing:
            passed.hasUnreportedParts = true
            return .pass
        case .calling(let call): return .deliver(call)
        case .discarding: return .close
        case .ended, .closing: return .ignore
        }
    }

    /// - Returns: whether the control plane is notified: only if a part was passed to it.
    mutating func readCompleted() -> Bool {
        defer { passed.hasUnreportedParts = false }
        return passed.hasUnreportedParts
    }

    /// - Parameter isHeldBack: whether the call accepts no part of its body yet.
    /// - Returns: whether to read now.
    mutating func readRequested(isHeldBack: Bool) -> Bool {
        if isHeldBack { readIsHeld = true }
        return !isHeldBack
    }

    /// - Returns: whether a read was held back and is due now.
    mutating func readingResumed() -> Bool {
        defer { readIsHeld = false }
        return readIsHeld
    }

    // MARK: Responses

    /// Whether the head of the control plane's response has to state that the connection closes.
    var responseIsLast: Bool { passed.isLast }

    /// Whether the control plane's response has no body: the client would mistake it for its next response
    /// (RFC 9110 §9.3.2).
    var dropsBody: Bool { passed.isHead }

    /// The data plane's response is complete. Called before its end is written: the next request may already have
    /// arrived, and is read during the write.
    /// - Parameters:
    ///   - requestIsComplete: whether the whole request has been read.
    ///   - keepAlive: whether the response head promised to keep the connection open.
    mutating func responseEnded(requestIsComplete: Bool, keepAlive: Bool) -> ResponseEndAction {
        guard requestIsComplete else {
            phase = .discarding(bytesLeft: Self.maxDiscardedBytes)
            return .closeWhenSent
        }
        phase = keepAlive ? .passing : .closing
        return keepAlive ? .keepOpen : .closeWhenSent
    }

    /// The last response has been sent.
    func lastResponseSent() -> SentAction {
        if case .discarding = phase { .closeOutput } else { .close }
    }

    mutating func responseAborted() {
        phase = .ended
    }

    /// The client sent FIN or RST, which ends a call: TCP cannot distinguish a half-close from a disconnect.
    mutating func clientDisconnected() -> DisconnectAction {
        switch phase {
        case .passing, .ended: return .pass
        case .calling(let call):
            phase = .ended
            return .end(call)
        case .discarding: return .close
        case .closing: return .ignore
        }
    }
}
