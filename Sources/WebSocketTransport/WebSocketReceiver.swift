/// Receives the events of a WebSocket, on the socket's event loop.
public protocol WebSocketReceiver: AnyObject {
    /// Called once, first.
    func webSocketOpened(_ socket: WebSocket)
    func webSocketReceived(_ message: WebSocketMessage)
    /// Called once, last; also if the connection was lost before the socket was open.
    func webSocketClosed(_ end: WebSocketEnd)
}
