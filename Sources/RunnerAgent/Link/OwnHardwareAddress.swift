import Foundation
import NIOCore
import SimpleAICore

/// The address under which this machine can be woken: that of the interface by which it reaches its gateway.
enum OwnHardwareAddress {
    /// - Parameters:
    ///   - address: our end of the connection to the gateway.
    ///   - folder: where Linux lists its interfaces; elsewhere there is none, and nothing is found.
    /// - Returns: nil also for interfaces that have none, such as loopback.
    static func of(
        _ address: SocketAddress?, devices: [(name: String, address: String)] = allDevices(),
        folder: String = "/sys/class/net"
    ) -> MACAddress? {
        guard let own = address?.ipAddress.map(plain),
            let device = devices.first(where: { plain($0.address) == own }),
            let text = try? String(contentsOfFile: "\(folder)/\(device.name)/address", encoding: .utf8),
            let mac = MACAddress(text.trimmingCharacters(in: .whitespacesAndNewlines)),
            mac.bytes.contains(where: { $0 != 0 })
        else { return nil }
        return mac
    }

    static func allDevices() -> [(name: String, address: String)] {
        let devices = (try? System.enumerateDevices()) ?? []
        return devices.compactMap { device in device.address?.ipAddress.map { (device.name, $0) } }
    }

    /// Without the zone of a link-local address, and an IPv4 address in IPv6's clothes without them.
    private static func plain(_ address: String) -> String {
        let bare = address.split(separator: "%").first.map(String.init) ?? address
        return bare.lowercased().hasPrefix("::ffff:") && bare.contains(".") ? String(bare.dropFirst(7)) : bare
    }
}
