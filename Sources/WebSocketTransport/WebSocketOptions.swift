public import SimpleAICore

/// How large, how often and how long: what a WebSocket peer may do before it is cut off.
public struct WebSocketOptions: Hashable, Sendable {
    /// A message, in one frame or in many.
    public var maxMessage: ByteCount = .mebibytes(1)
    /// Of one message.
    public var maxFragments = 256
    /// A ping goes out when nothing has come for so long.
    public var pingEvery: Duration = .seconds(20)
    /// The peer is gone when nothing has come for so long, not even a pong.
    public var silenceLimit: Duration = .seconds(60)
    /// How long a peer may take to answer a close frame.
    public var closeTimeout: Duration = .seconds(5)
    /// What waits for a peer that does not read.
    public var maxUnsent: ByteCount = .mebibytes(2)
    /// How many frames a peer may send; nil for one that is trusted not to flood.
    public var budget: FrameBudget?
    /// For a client: from the first packet to the end of the handshake.
    public var connectTimeout: Duration = .seconds(10)
    /// For `WebSocketConnection`: messages that nobody has asked for yet. One more ends the connection.
    public var maxUnread = 256

    public init() {}
}

/// A leaky bucket: what a peer may send in a burst, and steadily. Large frames cost more than small ones.
public struct FrameBudget: Hashable, Sendable {
    /// Frames at once; a frame counts once more for every 16 KiB that it holds.
    public let burst: Int
    public let perSecond: Int
    private var level = 0.0
    private var lastSeen: Duration = .zero

    public init(burst: Int, perSecond: Int) {
        self.burst = burst
        self.perSecond = perSecond
    }

    /// - Parameter now: any clock that goes forward.
    /// - Returns: false when it is too much.
    public mutating func take(bytes: Int, now: Duration) -> Bool {
        level = max(0, level - (now - lastSeen) / .seconds(1) * Double(perSecond))
        lastSeen = now
        level += 1 + Double(bytes / 16_384)
        return level <= Double(burst)
    }
}
