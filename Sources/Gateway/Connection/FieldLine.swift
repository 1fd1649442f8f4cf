/// One line of a head or of a trailer section: a name, a colon and a value (RFC 9110 §5, RFC 9112 §5).
struct FieldLine {
    let name: Slice<UnsafeRawBufferPointer>
    /// Without the whitespace around it.
    let value: Slice<UnsafeRawBufferPointer>

    init(_ line: UnsafeRawBufferPointer) throws(RequestFraming.Violation) {
        var index = 0
        while index < line.count, Byte.isToken(line[index]) { index += 1 }
        // A line that begins with whitespace, whitespace before the colon and a name that is no token all end here.
        guard index > 0, index < line.count, line[index] == UInt8(ascii: ":") else { throw .field }
        name = line[..<index]
        var (start, end) = (index + 1, line.count)
        for byte in line[start...] where !Byte.isInFieldValue(byte) { throw .field }
        while start < end, Byte.isBlank(line[start]) { start += 1 }
        while end > start, Byte.isBlank(line[end - 1]) { end -= 1 }
        value = line[start..<end]
    }

    /// What frames, routes or authenticates a request must stand in front of its body (RFC 9110 §6.5.1).
    func checkAsTrailer() throws(RequestFraming.Violation) {
        for forbidden in Self.forbiddenInTrailers where Byte.equalIgnoringCase(name, forbidden) { throw .trailer }
    }

    private static let forbiddenInTrailers: [StaticString] = [
        "content-length", "transfer-encoding", "host", "authorization", "proxy-authorization", "cookie", "connection",
        "te", "trailer", "expect",
    ]
}

/// The line in front of a chunk (RFC 9112 §7.1).
enum ChunkLine {
    static func size(_ line: UnsafeRawBufferPointer) throws(RequestFraming.Violation) -> Int {
        var (size, index) = (0, 0)
        while index < line.count, let digit = Byte.hexDigit(line[index]) {
            size = size << 4 | digit
            index += 1
        }
        // Fifteen digits are more than anything that is ever accepted, and cannot overflow.
        guard (1...15).contains(index) else { throw .chunk }
        guard index < line.count else { return size }
        // An extension, which means nothing to us; whitespace before it is what smugglers use.
        guard line[index] == UInt8(ascii: ";") else { throw .chunk }
        for byte in line[index...] where !Byte.isInFieldValue(byte) { throw .chunk }
        return size
    }
}

/// What bytes mean in HTTP/1.
enum Byte {
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let delete: UInt8 = 0x7F

    /// RFC 9110 §5.6.2.
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "!"),
            0x23...0x27, UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// RFC 9110 §5.5: no control characters but the tab.
    static func isInFieldValue(_ byte: UInt8) -> Bool {
        byte >= space && byte != delete || byte == 0x09
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == 0x09 }

    /// RFC 3986 §3.2.2 with a port: no user, path or whitespace.
    static func isInHost(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: "!"), UInt8(ascii: "$"), 0x26...0x2C, UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }

    static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    static func equal(_ bytes: Slice<UnsafeRawBufferPointer>, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes.elementsEqual($0) }
    }

    /// - Parameter text: in lower case.
    static func equalIgnoringCase(_ bytes: Slice<UnsafeRawBufferPointer>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            zip(bytes, expected).allSatisfy { byte, expected in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 == expected : byte == expected
            }
        }
    }
}
