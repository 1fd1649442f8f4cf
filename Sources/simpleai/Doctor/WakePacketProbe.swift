import Foundation
import Installation
import Settings
import SimpleAICore
import WakeOnLAN

#if canImport(Glibc)
import Glibc
#endif

/// Sends a magic packet to the broadcast address of the settings, and listens for it on this machine. Its hardware address is
/// one that no machine has, so that nothing wakes.
struct WakePacketProbe {
    private static let timeoutMilliseconds: Int32 = 1_000

    /// Destinations that are tried; each takes a second at most.
    private static let maxDestinations = 8

    let host: String
    let port: Int
    /// The key of the settings with the destination.
    let key: String

    /// One probe per destination of the machines that packets from this machine wake.
    static func probes(_ settings: Settings, wakesAgents: Bool) -> [WakePacketProbe] {
        guard settings.wake.enabled else { return [] }
        var probes: [WakePacketProbe] = []
        func add(_ probe: WakePacketProbe) {
            let isKnown = probes.contains { $0.host.utf8.elementsEqual(probe.host.utf8) && $0.port == probe.port }
            if !isKnown, probes.count < maxDestinations { probes.append(probe) }
        }
        if wakesAgents {
            add(.init(host: settings.wake.broadcast, port: settings.wake.port, key: "wake.broadcast"))
        }
        for (index, runner) in settings.runners.enumerated() {
            guard let wake = runner.wake, !wake.macs.isEmpty, wake.relay == nil else { continue }
            let isCommon = wake.broadcast.utf8.elementsEqual(settings.wake.broadcast.utf8)
            add(
                .init(
                    host: wake.broadcast, port: wake.port,
                    key: isCommon ? "wake.broadcast" : "runners[\(index)].wake.broadcast"))
        }
        return probes
    }

    /// One after the other: two listeners on one port would take each other's packets.
    static func run(_ probes: [WakePacketProbe]) async -> [SystemDescription.WakePacket] {
        var packets: [SystemDescription.WakePacket] = []
        for probe in probes {
            guard let outcome = await probe.run() else { continue }
            packets.append(.init(destination: "\(probe.host):\(probe.port)", key: probe.key, outcome: outcome))
        }
        return packets
    }

    private func run() async -> SystemDescription.WakePacket.Outcome? {
        guard let mac = MACAddress("02:00:00:00:00:00") else { return nil }
        let packet = MagicPacket(mac: mac)
        let listener = Self.listener(port: port)
        defer { if let listener { close(listener) } }
        do throws(PowerError) {
            try await Broadcaster().send(packet, to: host, port: port)
        } catch {
            return .failed("\(error)")
        }
        guard let listener else { return .sent }
        return Self.receives(packet, on: listener) ? .received : .lost
    }

    /// Nil if the port cannot be bound: ports below 1024 need a privilege, and another program may listen.
    private static func listener(port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 }
        }
        guard isBound else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func receives(_ packet: MagicPacket, on descriptor: Int32) -> Bool {
        let deadline = ContinuousClock.now + .milliseconds(Int64(timeoutMilliseconds))
        var buffer = [UInt8](repeating: 0, count: 2_048)
        while true {
            let left =
                Int32(clamping: (deadline - ContinuousClock.now).components.attoseconds / 1_000_000_000_000_000)
                + Int32(clamping: (deadline - ContinuousClock.now).components.seconds * 1_000)
            guard left > 0 else { return false }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, left) > 0 else { return false }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            // Other packets to this port are no answer.
            if count > 0, MagicPacket(decoding: buffer[..<count]) == packet { return true }
        }
    }
}
