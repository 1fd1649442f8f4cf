/// A range of addresses with a common prefix, such as `10.0.0.0/8`, `2001:db8::/32` or a single address.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    public let first: IPAddress
    /// Length of the prefix in bits; for IPv4, of the mapped IPv6 address.
    private let length: Int

    /// Nil for a malformed network, including one with bits set after the prefix.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }), parts.count <= 2 else { return nil }
        let maxPrefixLength = address.v4 == nil ? 128 : 32
        var length = maxPrefixLength
        if parts.count == 2 {
            guard let stated = Int(parts[1]), (0...maxPrefixLength).contains(stated), String(stated) == parts[1] else {
                return nil
            }
            length = stated
        }
        self.length = 128 - maxPrefixLength + length
        first = address
        guard Self.networkAddress(first, self.length) == first else { return nil }
    }

    public func contains(_ address: IPAddress) -> Bool { Self.networkAddress(address, length) == first }

    /// Whether it contains all IPv4 or all IPv6 addresses.
    public var containsAllAddresses: Bool { length == 0 || (length == 96 && first.v4 != nil) }

    private static func networkAddress(_ address: IPAddress, _ length: Int) -> IPAddress {
        IPAddress(high: address.high & mask(length), low: address.low & mask(length - 64))
    }

    /// A mask of the first `bits` of 64 bits, without shifts by 64 or more.
    private static func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : ~0 << (64 - min(bits, 64)) }

    public var description: String {
        let (prefixLength, maxPrefixLength) = first.v4 == nil ? (length, 128) : (length - 96, 32)
        return prefixLength == maxPrefixLength ? "\(first)" : "\(first)/\(prefixLength)"
    }
}
