import SimpleAICore
import WebSocketTransport

extension WebSocketEnd {
    /// How an agent's connection ended, for the operator.
    var reason: OperatorReason {
        switch self {
        case .closedByPeer(_, ""): "its agent closed the connection"
        case .closedByPeer(_, let reason): "its agent closed the connection: \(reason)"
        case .closedByUs: "the gateway closed its agent's connection"
        case .fault: "its agent violated the WebSocket protocol"
        case .silent: "its agent's connection timed out"
        case .lost: "its agent's connection was lost"
        }
    }
}
