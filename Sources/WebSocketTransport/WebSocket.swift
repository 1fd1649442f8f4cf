public import NIOCore

/// A handle of one WebSocket, to send messages and close it from any thread.
public struct WebSocket: Sendable {
    private let handler: NIOLoopBound<WebSocketHandler>
    public let eventLoop: any EventLoop
    public let remoteAddress: SocketAddress?
    public let localAddress: SocketAddress?
    /// Completes when the connection is closed, for whatever reason.
    public let closed: EventLoopFuture<Void>

    init(_ handler: WebSocketHandler, channel: any Channel) {
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        eventLoop = channel.eventLoop
        remoteAddress = channel.remoteAddress
        localAddress = channel.localAddress
        closed = channel.closeFuture
    }

    /// Sends a text message. Once the connection has ended, messages are dropped; the receiver is notified of the end.
    public func send(_ text: String) {
        onLoop { $0.send(text) }
    }

    /// Sends a close frame, and closes the connection once the peer has responded, or after the close timeout. Later
    /// calls have no effect.
    public func close(_ code: WebSocketCloseCode = .normal, reason: String = "") {
        onLoop { $0.close(code: code.rawValue, reason: reason, as: .closedByUs) }
    }

    /// Closes the connection without a close frame.
    public func abort() {
        onLoop { $0.abort(as: .closedByUs) }
    }

    /// Sends a ping. Unless a pong or another frame arrives within this time, the connection is closed as `silent`.
    public func verify(within time: TimeAmount) {
        onLoop { $0.verify(within: time) }
    }

    private func onLoop(_ action: @escaping @Sendable (WebSocketHandler) -> Void) {
        if eventLoop.inEventLoop {
            action(handler.value)
        } else {
            eventLoop.execute { action(handler.value) }
        }
    }
}
