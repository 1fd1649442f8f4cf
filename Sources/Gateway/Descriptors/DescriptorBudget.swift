import OperatingSystem
import Settings
import SimpleAICore

/// Divides this process's file descriptors into client connections, connections to runners, and a reserve for everything
/// else (wakes, probes, the state file, API keys, issuers' keys, agents), which must work when all others are in use.
struct DescriptorBudget: Hashable, Sendable {
    static let reserve = DescriptorLimit.connectionReserve
    /// Minimum limit at which the gateway starts.
    static let minLimit = 128

    /// Maximum number of descriptors that this process may have open.
    let limit: Int

    /// Maximum number of client connections: two thirds of the descriptors, because each call also uses a connection to
    /// a runner, but not every client connection has a call in progress.
    func maxConnections(configured: Int) -> Int { min(configured, maxConnections) }

    /// - Throws: `GatewayStartError` if the limit is below `minLimit`.
    func check() throws(GatewayStartError) {
        guard limit >= Self.minLimit else {
            throw GatewayStartError(
                "the limit of open files is \(limit), and the gateway needs \(Self.minLimit); \(Self.fix)"
            )
        }
    }

    /// A warning if the configured number of connections exceeds the limit; otherwise nil.
    func warning(for server: Settings.Server) -> GatewayStartError? {
        guard server.maxConnections > maxConnections else { return nil }
        return GatewayStartError(
            "\(server.maxConnections) connections need \(needed(for: server.maxConnections)) descriptors, and this process "
                + "can open \(limit): \(maxConnections) connections are accepted; \(Self.fix), or use "
                + "\(maxConnections) here",
            at: ["server", "max_connections"])
    }

    private var maxConnections: Int { max(1, (limit - Self.reserve) / 3 * 2) }

    private func needed(for connections: Int) -> Int { Self.reserve + (connections + 1) / 2 * 3 }

    private static let fix =
        "raise the hard limit of open files (LimitNOFILE= in a systemd unit, --ulimit nofile= of a container, ulimit -Hn)"
}
