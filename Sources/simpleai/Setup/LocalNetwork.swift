import Foundation
import SimpleAICore

#if canImport(Glibc)
import Glibc
#endif

/// The IPv4 networks that this machine is connected to.
enum LocalNetwork {
    struct Interface: Hashable {
        let name: String
        let address: UInt32
        let mask: UInt32
    }

    /// Interfaces that are up, without loopback.
    static func interfaces() -> [Interface] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var interfaces: [Interface] = []
        var current = first
        while let entry = current?.pointee {
            current = entry.ifa_next
            guard let address = ipv4(entry.ifa_addr), let mask = ipv4(entry.ifa_netmask), address >> 24 != 127,
                entry.ifa_flags & UInt32(IFF_UP) != 0
            else { continue }
            interfaces.append(Interface(name: String(cString: entry.ifa_name), address: address, mask: mask))
        }
        return interfaces
    }

    private static func ipv4(_ pointer: UnsafeMutablePointer<sockaddr>?) -> UInt32? {
        guard let pointer, pointer.pointee.sa_family == sa_family_t(AF_INET) else { return nil }
        return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
        }
    }

    /// Other hosts on private networks of at most 256 addresses each, without this machine.
    static func neighbours(of interfaces: [Interface]) -> [String] {
        let own = Set(interfaces.map(\.address))
        var hosts: [String] = []
        for interface in interfaces where isPrivate(interface.address) {
            // Of a larger network only the part around this machine.
            let mask = interface.mask | 0xFFFF_FF00
            let network = interface.address & mask
            for host in 1..<max(2, ~mask) where !own.contains(network | host) { hosts.append(text(network | host)) }
        }
        var seen: Set<String> = []
        return hosts.filter { seen.insert($0).inserted }
    }

    /// RFC 1918.
    private static func isPrivate(_ address: UInt32) -> Bool {
        address >> 24 == 10 || address >> 20 == 0xAC1 || address >> 16 == 0xC0A8
    }

    static func text(_ address: UInt32) -> String { IPAddress(v4: address).description }
}
