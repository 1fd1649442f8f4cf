/// Character classes and comparisons of HTTP/1 bytes.
public enum Byte {
    public static let lineFeed: UInt8 = 0x0A
    public static let carriageReturn: UInt8 = 0x0D
    public static let space: UInt8 = 0x20
    public static let delete: UInt8 = 0x7F

    /// Whether the byte may be part of a token (RFC 9110 §5.6.2).
    @inlinable
    public static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "!"),
            0x23...0x27, UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Whether the byte may be part of a field value (RFC 9110 §5.5): no control characters but the tab.
    @inlinable
    public static func isInFieldValue(_ byte: UInt8) -> Bool {
        byte >= space && byte != delete || byte == 0x09
    }

    @inlinable
    public static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == 0x09 }

    /// Whether the byte may be part of a host with a port (RFC 3986 §3.2.2): no user, path or whitespace.
    @inlinable
    public static func isInHost(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: "!"), UInt8(ascii: "$"), 0x26...0x2C, UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }

    @inlinable
    public static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    @inlinable
    public static func equal(_ bytes: Slice<UnsafeRawBufferPointer>, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes.elementsEqual($0) }
    }

    /// - Parameter text: in lower case.
    @inlinable
    public static func equalIgnoringCase(_ bytes: some Collection<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            zip(bytes, expected).allSatisfy { byte, expected in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 == expected : byte == expected
            }
        }
    }

    // MARK: Eight bytes at a time

    /// Whether the bytes from `offset` on begin with these.
    /// - Precondition: `offset + expected.count <= bytes.count`
    @inlinable
    public static func equal(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ expected: [UInt8]) -> Bool {
        expected.withUnsafeBytes { expected in
            var index = 0
            while index + 8 <= expected.count {
                guard
                    bytes.loadUnaligned(fromByteOffset: offset + index, as: UInt64.self)
                        == expected.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                else { return false }
                index += 8
            }
            while index < expected.count {
                guard bytes[offset + index] == expected[index] else { return false }
                index += 1
            }
            return true
        }
    }

    /// Index of the first line feed at or after `start` and before `end`.
    @inlinable
    public static func lineFeed(in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
        var index = start
        while index + 8 <= end {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if hasZero(word ^ (ones &* UInt64(lineFeed))) { break }
            index += 8
        }
        while index < end {
            if bytes[index] == lineFeed { return index }
            index += 1
        }
        return nil
    }

    /// Whether every byte may be part of a field value.
    @inlinable
    public static func areFieldValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // May include false positives caused by a neighbouring byte.
            let isSuspect =
                (word &- ones &* UInt64(space)) & ~word & highs != 0 || hasZero(word ^ (ones &* UInt64(delete)))
            if isSuspect {
                for byte in bytes[index..<index + 8] where !isInFieldValue(byte) { return false }
            }
            index += 8
        }
        for byte in bytes[index...] where !isInFieldValue(byte) { return false }
        return true
    }

    public static let ones: UInt64 = 0x0101_0101_0101_0101
    @usableFromInline static let highs: UInt64 = 0x8080_8080_8080_8080

    /// Whether one of eight bytes is zero (S. E. Anderson, "Bit twiddling hacks").
    @inlinable
    public static func hasZero(_ word: UInt64) -> Bool { (word &- ones) & ~word & highs != 0 }
}
