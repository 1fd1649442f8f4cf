import NIOCore

/// The policy by which connections and streams end when the gateway shuts down: a call in progress may continue for the
/// drain time; then it ends with an error, and a grace period later its connection or stream is closed. Pure: time is
/// passed in.
struct DrainDeadline: Hashable, Sendable {
    enum Action: Hashable {
        /// End the call in progress, and report the next expiry at `deadline`.
        case endCall(deadline: NIODeadline)
        case close
    }

    /// Time for an error event to reach the client after the drain time.
    static let callGracePeriod: TimeAmount = .seconds(1)
    /// Time for a client to close an HTTP/2 connection after a GOAWAY; longer than the grace period of its streams.
    static let connectionGracePeriod: TimeAmount = .seconds(2)

    private enum Phase: Hashable {
        case serving
        case draining(until: NIODeadline)
        /// The call has been ended.
        case closing
    }

    private let duration: TimeAmount
    private var phase = Phase.serving

    /// - Parameter duration: `server.drain`.
    init(duration: TimeAmount) {
        self.duration = duration
    }

    var isDraining: Bool { phase != .serving }

    /// When calls in progress have to end; nil unless they are draining.
    var deadline: NIODeadline? {
        if case .draining(let deadline) = phase { deadline } else { nil }
    }

    /// The gateway is shutting down.
    /// - Returns: when calls in progress have to end; nil if this was known.
    mutating func drainBegan(at now: NIODeadline) -> NIODeadline? {
        drainBegan(until: now + duration)
    }

    /// The gateway was shutting down already when this stream was opened.
    mutating func drainBegan(until deadline: NIODeadline) -> NIODeadline? {
        guard !isDraining else { return nil }
        phase = .draining(until: deadline)
        return deadline
    }

    /// The deadline has passed.
    /// - Parameter isCalling: whether a call is in progress, which can report the end to its client.
    mutating func expired(at now: NIODeadline, isCalling: Bool) -> Action {
        guard case .draining = phase, isCalling else {
            phase = .closing
            return .close
        }
        phase = .closing
        return .endCall(deadline: now + Self.callGracePeriod)
    }
}
