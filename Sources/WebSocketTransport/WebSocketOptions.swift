public import SimpleAICore

/// Limits on a WebSocket peer, beyond which its connection is closed.
public struct WebSocketOptions: Hashable, Sendable {
    /// Maximum size of a message, in one frame or many.
    public var maxMessage: ByteCount = .mebibytes(1)
    /// Maximum number of fragments of a message.
    public var maxFragments = 256
    /// Time without a frame from the peer after which a ping is sent.
    public var pingInterval: Duration = .seconds(20)
    /// Time without any frame, including pongs, after which the peer counts as disconnected.
    public var silenceTimeout: Duration = .seconds(60)
    /// Maximum time for a peer to respond to a close frame.
    public var closeTimeout: Duration = .seconds(5)
    /// Maximum amount of unsent data for a peer that does not read.
    public var maxUnsent: ByteCount = .mebibytes(2)
    /// Limit on the frames from a peer; nil for a peer that is trusted not to flood.
    public var budget: FrameBudget?
    /// For a client: maximum time from the first packet to the end of the handshake.
    public var connectTimeout: Duration = .seconds(10)
    /// For `WebSocketConnection`: maximum number of unread messages. One more ends the connection.
    public var maxUnread = 256

    public init() {}
}

/// A leaky bucket that limits the frames of a peer, in a burst and per second. Large frames cost more than small ones.
public struct FrameBudget: Hashable, Sendable {
    /// Number of frames in a burst; a frame counts once more for every 16 KiB of its payload.
    public let burst: Int
    public let perSecond: Int
    private var level = 0.0
    private var lastSeen: Duration = .zero

    public init(burst: Int, perSecond: Int) {
        self.burst = burst
        self.perSecond = perSecond
    }

    /// Counts one frame.
    /// - Parameter now: the time of any monotonic clock.
    /// - Returns: false if the budget is exceeded.
    public mutating func take(bytes: Int, now: Duration) -> Bool {
        level = max(0, level - (now - lastSeen) / .seconds(1) * Double(perSecond))
        lastSeen = now
        level += 1 + Double(bytes / 16_384)
        return level <= Double(burst)
    }
}
