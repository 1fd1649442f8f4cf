import OperatingSystem
import Settings

/// How this process's descriptors are divided: client connections, connections to runners, and a reserve for the work
/// that must work when all others are in use (wakes, probes, the state file, API keys, issuers' keys, agents).
struct DescriptorBudget: Hashable, Sendable {
    static let reserve = DescriptorLimit.connectionReserve
    /// Minimum limit at which the gateway starts.
    static let minLimit = 128

    /// Maximum number of descriptors that this process may have open.
    let limit: Int

    /// Maximum number of client connections: a call uses a connection to a runner besides its own, and clients keep
    /// more connections than they have calls, so clients get two thirds.
    func maxConnections(configured: Int) -> Int { min(configured, maxConnections) }

    /// - Throws: `GatewayStartError` if the limit is below `minLimit`.
    func check() throws(GatewayStartError) {
        guard limit >= Self.minLimit else {
            throw GatewayStartError(
                "the limit of open files is \(limit), and the gateway needs \(Self.minLimit); \(Self.fix)"
            )
        }
    }

    /// A warning for the operator before the limit is reached; nil if there is none.
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
