public import NIOCore

/// A complete message from the peer, assembled from its fragments.
public enum WebSocketMessage: Hashable, Sendable {
    /// Valid UTF-8.
    case text(String)
    case binary(ByteBuffer)
}

/// How a connection ended. Each side receives it exactly once.
public enum WebSocketEnd: Hashable, Sendable {
    /// The peer sent a close frame; code as in RFC 6455 §7.4, nil if it gave none.
    case closedByPeer(code: Int?, reason: String)
    case closedByUs
    /// The peer violated the protocol or a limit.
    case fault(WebSocketFault)
    /// No frame arrived for longer than `WebSocketOptions.silenceTimeout`.
    case silent
    /// The connection was lost.
    case lost
}

/// A violation of RFC 6455 or of our limits.
public enum WebSocketFault: Error, Hashable, Sendable {
    case protocolViolation(String)
    case invalidText
    case tooLarge
    /// The peer sends too many frames, or does not read.
    case flood

    /// The close code for the fault (RFC 6455 §7.4.1).
    public var closeCode: Int {
        switch self {
        case .protocolViolation: 1002
        case .invalidText: 1007
        case .tooLarge: 1009
        case .flood: 1008
        }
    }
}

/// Close codes for our own close frames (RFC 6455 §7.4.1).
public enum WebSocketCloseCode: Int, Hashable, Sendable {
    case normal = 1000
    case goingAway = 1001
    case policyViolation = 1008
}
