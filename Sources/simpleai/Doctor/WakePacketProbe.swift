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

    private let wake: Settings.Wake

    init(_ wake: Settings.Wake) { self.wake = wake }

    func run() async -> SystemDescription.Packet? {
        guard wake.enabled, let mac = MACAddress("02:00:00:00:00:00") else { return nil }
        let packet = MagicPacket(mac: mac)
        let listener = Self.listener(port: wake.port)
        defer { if let listener { close(listener) } }
        do throws(WakeSendError) {
            try await Broadcaster().send(packet, to: wake.broadcast, port: wake.port)
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
