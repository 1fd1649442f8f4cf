/// Paths that more than one plane knows.
package enum GatewayPath {
    /// The WebSocket of runner agents.
    package static let agents = "/ws/runners"
}
