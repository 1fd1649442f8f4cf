/// Addresses with the same first bits, as `10.0.0.0/8`, `2001:db8::/32` or one address alone.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    public let first: IPAddress
    /// How many bits of an IPv6 address are the same.
    private let length: Int

    /// Nil for what is no network: also where bits are set that the length says do not count.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) }), parts.count <= 2 else { return nil }
        let most = address.v4 == nil ? 128 : 32
        var length = most
        if parts.count == 2 {
            guard let stated = Int(parts[1]), (0...most).contains(stated), String(stated) == parts[1] else {
                return nil
            }
            length = stated
        }
        self.length = 128 - most + length
        first = address
        guard Self.common(first, self.length) == first else { return nil }
    }

    public func contains(_ address: IPAddress) -> Bool { Self.common(address, length) == first }

    /// Whether every IPv4 or every IPv6 address is in it.
    public var isEverything: Bool { length == 0 || (length == 96 && first.v4 != nil) }

    private static func common(_ address: IPAddress, _ length: Int) -> IPAddress {
        IPAddress(high: address.high & mask(length), low: address.low & mask(length - 64))
    }

    /// The first bits of 64; shifts by more than there are bits leave none.
    private static func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : ~0 << (64 - min(bits, 64)) }

    public var description: String {
        let (own, most) = first.v4 == nil ? (length, 128) : (length - 96, 32)
        return own == most ? "\(first)" : "\(first)/\(own)"
    }
}
