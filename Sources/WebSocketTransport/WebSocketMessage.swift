public import NIOCore

/// What a peer said, its fragments put together.
public enum WebSocketMessage: Hashable, Sendable {
    /// Valid UTF-8.
    case text(String)
    case binary(ByteBuffer)
}

/// How a connection ended. Everybody learns it exactly once.
public enum WebSocketEnd: Hashable, Sendable {
    /// The peer said so; code as in RFC 6455 §7.4, nil when it gave none.
    case closedByPeer(code: Int?, reason: String)
    case closedByUs
    /// The peer broke the rules, and was told with a close frame.
    case fault(WebSocketFault)
    /// Nothing has come for longer than `WebSocketOptions.silenceLimit`.
    case silent
    /// The connection broke.
    case lost
}

/// A peer that breaks RFC 6455, or our limits.
public enum WebSocketFault: Error, Hashable, Sendable {
    case protocolViolation(String)
    case invalidText
    case tooLarge
    /// Too many frames, or it does not read what it gets.
    case flood

    /// RFC 6455 §7.4.1.
    public var closeCode: Int {
        switch self {
        case .protocolViolation: 1002
        case .invalidText: 1007
        case .tooLarge: 1009
        case .flood: 1008
        }
    }
}

/// Close codes that we send (RFC 6455 §7.4.1).
public enum WebSocketCloseCode: Int, Hashable, Sendable {
    case normal = 1000
    case goingAway = 1001
    case policyViolation = 1008
}
