public import NIOCore

/// One open WebSocket, as whoever sends on it sees it; safe to use from anywhere.
public struct WebSocket: Sendable {
    private let handler: NIOLoopBound<WebSocketHandler>
    public let eventLoop: any EventLoop
    public let remoteAddress: SocketAddress?
    public let localAddress: SocketAddress?
    /// Done when the connection is closed for good, however it ended.
    public let closed: EventLoopFuture<Void>

    init(_ handler: WebSocketHandler, channel: any Channel) {
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        eventLoop = channel.eventLoop
        remoteAddress = channel.remoteAddress
        localAddress = channel.localAddress
        closed = channel.closeFuture
    }

    /// Sends a text message. What is sent after the end goes nowhere; the receiver hears of the end.
    public func send(_ text: String) {
        onLoop { $0.send(text) }
    }

    /// Says goodbye, and closes once the peer has answered or its time is over. Later calls change nothing.
    public func close(_ code: WebSocketCloseCode = .normal, reason: String = "") {
        onLoop { $0.close(code: code.rawValue, reason: reason, as: .closedByUs) }
    }

    /// Closes without a word.
    public func abort() {
        onLoop { $0.abort(as: .closedByUs) }
    }

    /// Asks the peer for a sign of life, a pong or anything else; without one within this time the connection ends as
    /// `silent`.
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
