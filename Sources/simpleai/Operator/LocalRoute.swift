import Foundation
import SimpleAICore

#if canImport(Glibc)
import Glibc
#endif

/// The addresses from which this machine reaches others, as its routing table states them.
enum LocalRoute {
    /// The address under which other machines reach this one: that on the default route, else that of a network card, else
    /// that of any interface; nil if there is none. Bridges and tunnels of containers and VPNs do not have the default
    /// route.
    static var ownAddress: String? {
        if let address = sourceAddress(to: documentationIPv4) ?? sourceAddress(to: documentationIPv6) { return address }
        let interfaces = LocalNetwork.interfaces()
        let card = interfaces.first { FileManager.default.fileExists(atPath: "/sys/class/net/\($0.name)/device") }
        return (card ?? interfaces.first).map { LocalNetwork.text($0.address) }
    }

    /// Reserved for documentation (RFC 5737, RFC 3849), so only the default route leads there.
    private static let documentationIPv4 = "192.0.2.1"
    private static let documentationIPv6 = "2001:db8::1"

    /// The address from which packets to an IP address are sent; nil without a route. Sends nothing.
    static func sourceAddress(to address: String) -> String? {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var result: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, "9", &hints, &result) == 0, let info = result else { return nil }
        defer { freeaddrinfo(result) }
        let descriptor = socket(info.pointee.ai_family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // A datagram socket that is connected has a route, and has sent nothing.
        guard connect(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else { return nil }
        var own = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let isFound = withUnsafeMutablePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { own in
                getsockname(descriptor, own, &size) == 0
                    && getnameinfo(own, size, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
            }
        }
        guard isFound else { return nil }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.hasPrefix("127.") || text == "::1" || text.contains("%") ? nil : text
    }
}
