import Settings
import SimpleAICore

/// The way of a wake packet, as far as it can be seen from the gateway.
enum WakeChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        guard let gateway = system.gateway, let settings = gateway.document.content, settings.wake.enabled else {
            return []
        }
        var findings: [Finding] = []
        let address = "\(settings.wake.broadcast):\(settings.wake.port)"
        switch gateway.packet {
        case .lost:
            findings.append(
                Finding(
                    "wake.packet-lost", .warning,
                    "a magic packet to \(address) did not reach this machine again: it left by another interface, or a firewall "
                        + "dropped it",
                    fix:
                        "set wake.broadcast to the broadcast address of the machines' network, such as 192.168.1.255 (ip addr)"
                ))
        case .failed(let reason):
            findings.append(
                Finding(
                    "wake.packet-failed", "a magic packet to \(address) cannot be sent: \(reason)",
                    fix:
                        "set wake.broadcast to the broadcast address of the machines' network (ip addr), or use wake.relay"
                ))
        case .received, .sent, nil: break
        }
        return findings
    }
}
