import OperatingSystem
import Settings

/// How the descriptors of this process are shared out: connections of clients, connections to runners, and a reserve for
/// what has to work when all others are taken (wakes, probes, the state file, API keys, issuers' keys, agents).
struct DescriptorBudget: Hashable, Sendable {
    static let reserve = DescriptorLimit.connectionReserve
    /// With less than this a gateway is not worth starting.
    static let minLimit = 128

    /// How many this process may have open.
    let limit: Int

    /// How many connections of clients are accepted at a time: a client's call takes a connection to a runner besides its
    /// own, and clients keep more connections than they have calls, so two thirds are theirs.
    func maxConnections(configured: Int) -> Int { min(configured, maxConnections) }

    /// - Throws: `GatewayStartError` where next to nothing can be served.
    func check() throws(GatewayStartError) {
        guard limit >= Self.minLimit else {
            throw GatewayStartError(
                "this process may open \(limit) descriptors at a time, and a gateway needs \(Self.minLimit); \(Self.fix)"
            )
        }
    }

    /// What an operator should know before the limit is reached.
    func warning(for server: Settings.Server) -> GatewayStartError? {
        guard server.maxConnections > maxConnections else { return nil }
        return GatewayStartError(
            "\(server.maxConnections) connections need \(needed(for: server.maxConnections)) descriptors, and this process "
                + "may open \(limit) at a time: \(maxConnections) connections are accepted; \(Self.fix), or write "
                + "\(maxConnections) here",
            at: ["server", "max_connections"])
    }

    private var maxConnections: Int { max(1, (limit - Self.reserve) / 3 * 2) }

    private func needed(for connections: Int) -> Int { Self.reserve + (connections + 1) / 2 * 3 }

    private static let fix =
        "raise the hard limit of open files (LimitNOFILE= in a systemd unit, --ulimit nofile= of a container, ulimit -Hn)"
}
