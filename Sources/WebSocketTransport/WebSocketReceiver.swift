/// Who hears what happens on a WebSocket. Everything is called on the socket's event loop.
public protocol WebSocketReceiver: AnyObject {
    /// Once, first.
    func webSocketOpened(_ socket: WebSocket)
    func webSocketReceived(_ message: WebSocketMessage)
    /// Once, last; also where the connection broke before the socket was open.
    func webSocketClosed(_ end: WebSocketEnd)
}
