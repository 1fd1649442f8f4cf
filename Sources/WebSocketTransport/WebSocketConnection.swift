import Synchronization

/// A WebSocket for asynchronous code: messages as a sequence, for one reader.
public final class WebSocketConnection: Sendable {
    public let socket: WebSocket
    private let stream: MessageStream

    init(socket: WebSocket, stream: MessageStream) {
        self.socket = socket
        self.stream = stream
    }

    /// The messages from the peer; the sequence ends with the connection, and `end` then states the reason. Unread
    /// messages are buffered up to `WebSocketOptions.maxUnread`; beyond that the connection is closed.
    public var messages: AsyncStream<WebSocketMessage> { stream.messages }

    /// How the connection ended; nil while it is open.
    public var end: WebSocketEnd? { stream.end }

    /// Sends a text message without waiting until it is written.
    public func send(_ text: String) { socket.send(text) }

    /// Sends a close frame. The messages end when the peer has responded, or after the close timeout.
    public func close(_ code: WebSocketCloseCode = .normal, reason: String = "") {
        socket.close(code, reason: reason)
    }
}

/// The receiver behind a `WebSocketConnection`.
final class MessageStream: WebSocketReceiver, Sendable {
    let messages: AsyncStream<WebSocketMessage>
    private let continuation: AsyncStream<WebSocketMessage>.Continuation
    private let socket = Mutex<WebSocket?>(nil)
    private let ended = Mutex<WebSocketEnd?>(nil)

    init(limit: Int) {
        (messages, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(limit))
    }

    var end: WebSocketEnd? { ended.withLock { $0 } }

    func connection() throws -> WebSocketConnection {
        guard let socket = socket.withLock({ $0 }) else { throw WebSocketConnectError.noHandshake }
        return WebSocketConnection(socket: socket, stream: self)
    }

    func webSocketOpened(_ socket: WebSocket) {
        self.socket.withLock { $0 = socket }
    }

    func webSocketReceived(_ message: WebSocketMessage) {
        guard case .dropped = continuation.yield(message) else { return }
        socket.withLock { $0 }?.close(.policyViolation, reason: "too many messages")
    }

    func webSocketClosed(_ end: WebSocketEnd) {
        ended.withLock { $0 = end }
        continuation.finish()
    }
}
