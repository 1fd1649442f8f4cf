import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// The network card over which this machine reaches another one.
enum OutgoingInterface {
    /// Nil if there is no route, or if the other machine is this one. Sends nothing: only the route is chosen.
    static func name(to host: String) -> String? {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var result: UnsafeMutablePointer<addrinfo>?
        let host = host.trimmingCharacters(in: ["[", "]"])
        guard getaddrinfo(host, "9", &hints, &result) == 0 else { return nil }
        defer { freeaddrinfo(result) }
        var current = result
        while let entry = current?.pointee {
            current = entry.ai_next
            if let address = localAddress(to: entry) { return interface(with: address) }
        }
        return nil
    }

    private static func localAddress(to entry: addrinfo) -> String? {
        let descriptor = socket(entry.ai_family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard connect(descriptor, entry.ai_addr, entry.ai_addrlen) == 0 else { return nil }
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getsockname(descriptor, address, &size) == 0 ? text(of: address, size) : nil
            }
        }
    }

    private static func text(of address: UnsafePointer<sockaddr>, _ size: socklen_t) -> String? {
        var text = [CChar](repeating: 0, count: 256)
        guard getnameinfo(address, size, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func interface(with wanted: String) -> String? {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return nil }
        defer { freeifaddrs(first) }
        var current = first
        while let entry = current?.pointee {
            current = entry.ifa_next
            guard let address = entry.ifa_addr, entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0 else { continue }
            let size: Int
            switch Int32(address.pointee.sa_family) {
            case AF_INET: size = MemoryLayout<sockaddr_in>.size
            case AF_INET6: size = MemoryLayout<sockaddr_in6>.size
            default: continue
            }
            if let found = text(of: address, socklen_t(size)), found.utf8.elementsEqual(wanted.utf8) {
                return String(cString: entry.ifa_name)
            }
        }
        return nil
    }
}
