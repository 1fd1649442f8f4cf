/// What is shared and bounded, as the metrics name it.
enum SharedBound: String, CaseIterable, Sendable {
    /// Memory for request bodies and collected responses.
    case memory
    case connections
    /// Streams of HTTP/2.
    case streams
    /// Requests to the control plane that are being answered.
    case control
    /// Sockets that may become agents.
    case agentSockets = "agent_sockets"
    /// Agents, and what is known of them.
    case agents
}
