import Foundation

/// What a host is called, and whether that means this machine alone.
public enum HostName {
    /// What this machine calls itself, without a domain.
    public static var own: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "runner" }
        let name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.split(separator: ".").first.map(String.init) ?? "runner"
    }

    /// An IP address without brackets, or a name that DNS or a hosts file could know.
    static func isValid(_ text: String) -> Bool {
        if text.contains(":") { return ipv6(text) != nil }
        // What looks like an address has to be one: 10.0.0.256 is no name either.
        if text.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") }) { return ipv4(text) != nil }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.count <= 253 && labels.allSatisfy(isLabel)
    }

    /// Loopback addresses, and `localhost` and the names below it (RFC 6761, section 6.3).
    static func isLoopback(_ text: String) -> Bool {
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
        // Underscores are no host names by the book, but container networks are full of them.
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
