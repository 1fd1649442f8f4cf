import Foundation

/// The host name of this machine, and checks of host names.
public enum HostName {
    /// The host name of this machine, without a domain.
    public static var own: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "runner" }
        let name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.split(separator: ".").first.map(String.init) ?? "runner"
    }

    /// An IP address without brackets, or a name that DNS or a hosts file can resolve.
    static func isValid(_ text: String) -> Bool {
        if text.contains(":") { return ipv6(text) != nil }
        // Text that looks like an IPv4 address must be one: 10.0.0.256 is not a host name either.
        if text.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") }) { return ipv4(text) != nil }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.count <= 253 && labels.allSatisfy(isLabel)
    }

    /// Whether a host is a loopback address, `localhost` or a name below it (RFC 6761 §6.3).
    public static func isLoopback(_ text: String) -> Bool {
        if let address = ipv4(text) { return address.first == 127 }
        if let address = ipv6(text) {
            let isMappedIPv4 = address.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
            return isMappedIPv4 ? address[12] == 127 : address == [UInt8](repeating: 0, count: 15) + [1]
        }
        let name = text.lowercased()
        return name == "localhost" || name.hasSuffix(".localhost")
    }

    private static func isLabel(_ label: Substring) -> Bool {
        guard (1...63).contains(label.utf8.count), label.first != "-", label.last != "-" else { return false }
        // Underscores are not valid in host names, but common in container networks.
        return label.utf8.allSatisfy { byte in
            isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func ipv4(_ text: String) -> [UInt8]? { bytes(of: text, family: AF_INET, count: 4) }
    private static func ipv6(_ text: String) -> [UInt8]? { bytes(of: text, family: AF_INET6, count: 16) }

    private static func bytes(of text: String, family: CInt, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
