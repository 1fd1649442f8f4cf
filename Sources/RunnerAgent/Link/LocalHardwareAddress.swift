import Foundation
import NIOCore
import SimpleAICore

/// Finds the hardware address that wakes this machine: the address of the network interface to its gateway.
enum LocalHardwareAddress {
    /// - Parameters:
    ///   - address: the local address of the connection to the gateway.
    ///   - folder: the directory in which Linux lists its interfaces; other systems have none, so the result is nil.
    /// - Returns: nil if it is unknown, or if the interface has none, such as loopback.
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

    /// Removes the zone of a link-local address, and the prefix of an IPv4-mapped IPv6 address.
    private static func plain(_ address: String) -> String {
        let bare = address.split(separator: "%").first.map(String.init) ?? address
        return bare.lowercased().hasPrefix("::ffff:") && bare.contains(".") ? String(bare.dropFirst(7)) : bare
    }
}
