import Settings
import SimpleAICore

/// The way of wake packets, as far as it can be seen from the gateway.
enum WakeChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        guard let gateway = system.gateway, gateway.document.content?.wake.enabled ?? false else { return [] }
        return gateway.wakePackets.compactMap(finding)
    }

    private static func finding(on packet: SystemDescription.WakePacket) -> Finding? {
        switch packet.outcome {
        case .received, .sent: nil
        case .lost:
            Finding(
                "wake.packet-lost", .warning,
                "a magic packet to \(packet.destination) did not reach this machine again: it left by another interface, or a "
                    + "firewall dropped it",
                fix:
                    "set \(packet.key) to the broadcast address of the machines' network, such as 192.168.1.255 (ip addr)"
            )
        case .failed(let reason):
            Finding(
                "wake.packet-failed", "a magic packet to \(packet.destination) cannot be sent: \(reason)",
                fix:
                    "set \(packet.key) to the broadcast address of the machines' network (ip addr), or use wake.relay"
            )
        }
    }
}
