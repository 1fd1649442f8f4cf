/// The state machine of `StreamRules`: which frames of a stream pass, and how the stream ends. Events in (past tense),
/// actions out; no I/O.
struct StreamRulesState {
    enum HeadersAction: Equatable {
        case checkHead
        case checkTrailers
        /// Refuse the stream; the client may retry it.
        case refuseStream
        case drop
    }

    enum CloseAction: Equatable {
        /// Before the end of the response: a reset, which shows that the response is incomplete.
        case reset
        /// The library ends the stream.
        case none
        /// Reset the stream with NO_ERROR: the response does not depend on the rest of the request (RFC 9113 §8.1).
        case stopRequest
    }

    private enum Response { case open, complete, sent }

    private let isAdmitted: Bool
    private var hasHead = false
    private var isRefused = false
    private var requestIsComplete = false
    private var response = Response.open
    /// Whether a handler closed the stream after the end of the response was written.
    private var isClosed = false

    init(isAdmitted: Bool) {
        self.isAdmitted = isAdmitted
    }

    mutating func headersReceived(endStream: Bool) -> HeadersAction {
        if endStream { requestIsComplete = true }
        guard !isRefused else { return .drop }
        guard isAdmitted else {
            isRefused = true
            return .refuseStream
        }
        defer { hasHead = true }
        return hasHead ? .checkTrailers : .checkHead
    }

    /// - Returns: whether the data is passed on.
    mutating func dataReceived(endStream: Bool) -> Bool {
        if endStream { requestIsComplete = true }
        return !isRefused
    }

    /// Whether later handlers may write, and receive other frames.
    var isPassing: Bool { !isRefused }

    /// The head or the trailers were refused.
    mutating func refused() {
        isRefused = true
    }

    /// The end of the response was written.
    mutating func responseCompleted() {
        if response == .open { response = .complete }
    }

    mutating func responseSent() -> CloseAction {
        response = .sent
        return stopRequestIfUnneeded()
    }

    /// A later handler closed the stream, or the response to a refused head was written.
    mutating func closeRequested() -> CloseAction {
        guard response != .open else { return .reset }
        isClosed = true
        return stopRequestIfUnneeded()
    }

    private mutating func stopRequestIfUnneeded() -> CloseAction {
        guard isClosed, response == .sent, !requestIsComplete else { return .none }
        isClosed = false
        return .stopRequest
    }
}
