import Settings
import SimpleAICore

/// The addresses on which the gateway listens.
enum ListenerChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        guard let gateway = system.gateway, let settings = gateway.document.content else { return [] }
        let address = "\(settings.server.host):\(settings.server.port)"
        var findings = listener(gateway.listener, address, "server.host", "server.port")
        if system.host.hasIPv6 == false, settings.server.host.contains(":") {
            findings.append(
                Finding(
                    "ipv6.missing", "server.host is \(settings.server.host), and this machine has no IPv6",
                    fix: "set server.host: 0.0.0.0, or 127.0.0.1 for this machine only"))
        }
        // Agents that are connected show that they can reach it.
        let hasAgents = gateway.running?.machines?.contains { $0.isAgent && $0.state == "ready" } ?? false
        // If settings accept agents, the settings themselves cause a warning.
        if HostName.isLoopback(settings.server.host), !hasAgents, gateway.hasInvitedRunners,
            !settings.fleet.acceptsAgents, settings.server.trustedProxies.isEmpty
        {
            findings.append(
                Finding(
                    "listener.loopback", .warning,
                    "runners may register, but the gateway listens on \(settings.server.host), which other machines cannot reach",
                    fix: "set server.host: 0.0.0.0 unless all runners are on this machine or behind a proxy"))
        }
        return findings
    }

    static func listener(
        _ listener: SystemDescription.Listener?, _ address: String, _ hostKey: String, _ portKey: String
    ) -> [Finding] {
        switch listener {
        case .taken(let process):
            [
                Finding(
                    "port.taken", "\(address) is in use by \(process.map { "the process \($0)" } ?? "another process")",
                    fix: "stop it, or choose another \(portKey)")
            ]
        case .notPermitted:
            [
                Finding(
                    "port.privileged", "\(address) requires a privilege that the program lacks",
                    fix: "choose a \(portKey) above 1023, or add AmbientCapabilities=CAP_NET_BIND_SERVICE to the unit")
            ]
        case .foreignAddress:
            [
                Finding(
                    "address.foreign", "\(address): this machine does not have that address",
                    fix: "set \(hostKey) to an address of this machine, or to 0.0.0.0")
            ]
        case .free, .own, nil: []
        }
    }
}
