import NIOCore
import RunnerProtocol
import SimpleAICore
import WebSocketTransport

/// An agent's socket on its own event loop: parses messages there, and passes them to the registry's loop in order.
final class AgentSocket: WebSocketReceiver {
    enum SocketEvent: Sendable {
        /// Nil for an unknown type of message.
        case message(RunnerMessage?)
        case fault(MessageFault)
        case binary
    }

    private let number: UInt64
    private let peer: String
    private let holder: Peer?
    private let agents: Agents

    /// - Parameter holder: the agent's address; nil if only a trusted proxy's address is known.
    init(number: UInt64, peer: String, holder: Peer?, agents: Agents) {
        self.number = number
        self.peer = peer
        self.holder = holder
        self.agents = agents
    }

    func webSocketOpened(_ socket: WebSocket) {
        let (number, peer, holder) = (number, peer, holder)
        agents.onRegistry { $0.opened(number, socket, peer: peer, holder: holder) }
    }

    func webSocketReceived(_ message: WebSocketMessage) {
        let event = Self.read(message)
        let number = number
        agents.onRegistry { $0.received(event, on: number) }
    }

    func webSocketClosed(_ end: WebSocketEnd) {
        let number = number
        agents.onRegistry { $0.closed(number, end) }
    }

    private static func read(_ message: WebSocketMessage) -> SocketEvent {
        guard case .text(let text) = message else { return .binary }
        do throws(MessageFault) {
            return .message(try MessageCodec.runnerMessage(text))
        } catch {
            return .fault(error)
        }
    }
}
