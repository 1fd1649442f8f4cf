/// A 48-bit hardware address, which a magic packet names.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    /// Exactly six bytes, in transmission order.
    public let bytes: [UInt8]

    /// Parses `AA:BB:CC:DD:EE:FF`, `aa-bb-cc-dd-ee-ff` and `aabb.ccdd.eeff`, in either case; nil for anything else,
    /// including mixed separators.
    public init?(_ text: String) {
        let groups: [Substring]
        let digitsPerGroup: Int
        if text.utf8.contains(UInt8(ascii: ".")) {
            groups = text.split(separator: ".", omittingEmptySubsequences: false)
            digitsPerGroup = 4
        } else {
            let separator: Character = text.utf8.contains(UInt8(ascii: "-")) ? "-" : ":"
            groups = text.split(separator: separator, omittingEmptySubsequences: false)
            digitsPerGroup = 2
        }
        guard groups.count * digitsPerGroup == 12 else { return nil }
        var bytes: [UInt8] = []
        for group in groups {
            let digits = Array(group.utf8)
            guard digits.count == digitsPerGroup else { return nil }
            for index in stride(from: 0, to: digits.count, by: 2) {
                guard let high = Self.value(ofHexDigit: digits[index]),
                    let low = Self.value(ofHexDigit: digits[index + 1])
                else { return nil }
                bytes.append(high << 4 | low)
            }
        }
        self.bytes = bytes
    }

    /// Nil unless exactly six bytes are given.
    public init?(bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == 6 else { return nil }
        self.bytes = bytes
    }

    /// `AA:BB:CC:DD:EE:FF`, whichever form was parsed.
    public var description: String {
        bytes.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }
        .joined(separator: ":")
    }

    private static func value(ofHexDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
