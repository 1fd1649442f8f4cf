/// An IP address. An IPv4 address is stored as its mapped IPv6 address (RFC 4291 §2.5.5.2), so that a client of a
/// dual-stack socket has one identity over either protocol.
public struct IPAddress: Hashable, Sendable {
    /// The upper 64 bits of an IPv6 address, in the processor's byte order.
    public let high: UInt64
    /// The lower 64 bits, the interface identifier.
    public let low: UInt64

    private static let mapped: UInt64 = 0xFFFF << 32

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public init(v4: UInt32) {
        self.init(high: 0, low: Self.mapped | UInt64(v4))
    }

    /// The 32 bits of an IPv4 address; nil for IPv6.
    public var v4: UInt32? {
        high == 0 && low & ~0xFFFF_FFFF == Self.mapped ? UInt32(truncatingIfNeeded: low) : nil
    }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { v4.map { $0 >> 24 == 127 } ?? (high == 0 && low == 1) }

    // MARK: Reading

    /// Parses the forms of RFC 4291 §2.2, or four decimal numbers without leading zeros. Nil for all others: no zones,
    /// ports, brackets or spaces.
    public init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard (2...45).contains(bytes.count) else { return nil }
        if let v4 = Self.dotted(bytes[...]) {
            self.init(v4: v4)
        } else if let (high, low) = Self.groups(Array(bytes)) {
            self.init(high: high, low: low)
        } else {
            return nil
        }
    }

    private static func dotted<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for digit in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
                number = number * 10 + UInt32(digit - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            address = address << 8 | number
        }
        return address
    }

    private static func groups(_ bytes: [UInt8]) -> (UInt64, UInt64)? {
        let gap = bytes.indices.dropLast().first { bytes[$0] == colon && bytes[$0 + 1] == colon }
        guard let gap else {
            guard let all = groups(bytes[...], endsAddress: true), all.count == 8 else { return nil }
            return (number(all[..<4]), number(all[4...]))
        }
        guard let front = groups(bytes[..<gap], endsAddress: false),
            let back = groups(bytes[(gap + 2)...], endsAddress: true), front.count + back.count < 8
        else { return nil }
        let all = front + Array(repeating: 0, count: 8 - front.count - back.count) + back
        return (number(all[..<4]), number(all[4...]))
    }

    /// Parses groups of sixteen bits between colons; the last two of an address may have the form of an IPv4 address.
    private static func groups(_ bytes: ArraySlice<UInt8>, endsAddress: Bool) -> [UInt16]? {
        if bytes.isEmpty { return [] }
        let parts = bytes.split(separator: colon, omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if endsAddress, index == parts.count - 1, let v4 = dotted(part) {
                groups += [UInt16(v4 >> 16), UInt16(truncatingIfNeeded: v4)]
                continue
            }
            guard (1...4).contains(part.count), !part.contains(UInt8(ascii: "+")),
                let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    private static let colon = UInt8(ascii: ":")

    private static func number(_ groups: ArraySlice<UInt16>) -> UInt64 { groups.reduce(0) { $0 << 16 | UInt64($1) } }
}

extension IPAddress: CustomStringConvertible {
    /// The form of RFC 5952.
    public var description: String {
        if let v4 { return [24, 16, 8, 0].map { String(v4 >> $0 & 0xFF) }.joined(separator: ".") }
        let groups = [high, low].flatMap { half in [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> $0) } }
        let words = groups.map { String($0, radix: 16) }
        guard let gap = Self.longestRunOfZeros(in: groups) else { return words.joined(separator: ":") }
        return words[..<gap.lowerBound].joined(separator: ":") + "::" + words[gap.upperBound...].joined(separator: ":")
    }

    /// The first of the longest runs; nil if no two zero groups are adjacent.
    private static func longestRunOfZeros(in groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for index in groups.indices {
            if groups[index] != 0 {
                start = index + 1
            } else if index + 1 - start > longest.count {
                longest = start..<(index + 1)
            }
        }
        return longest.count > 1 ? longest : nil
    }
}
