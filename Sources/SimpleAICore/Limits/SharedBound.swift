/// The resources with a shared limit, by their names in the metrics.
package enum SharedBound: String, CaseIterable, Sendable {
    /// Memory for request bodies and collected responses.
    case memory
    case connections
    /// HTTP/2 streams.
    case streams
    /// Control-plane requests in progress.
    case control
    /// Sockets that have not registered an agent yet.
    case agentSockets = "agent_sockets"
    /// Agents, and the data that they report.
    case agents
}
