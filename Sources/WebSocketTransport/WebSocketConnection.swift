import Synchronization

/// A WebSocket for code that awaits: messages as a sequence, for one reader.
public final class WebSocketConnection: Sendable {
    public let socket: WebSocket
    private let stream: MessageStream

    init(socket: WebSocket, stream: MessageStream) {
        self.socket = socket
        self.stream = stream
    }

    /// What the peer says; ends with the connection, and `end` then tells how. What is not read is held up to
    /// `WebSocketOptions.maxUnread`; beyond that the connection is closed, since nobody cares.
    public var messages: AsyncStream<WebSocketMessage> { stream.messages }

    /// How the connection ended; nil as long as it is open.
    public var end: WebSocketEnd? { stream.end }

    /// Sends a text message, without waiting for it to be written.
    public func send(_ text: String) { socket.send(text) }

    /// Says goodbye. The messages end when the peer has answered, or has had its time.
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
