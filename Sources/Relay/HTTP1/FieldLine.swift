/// One line of a head or of a trailer section: a name, a colon and a value (RFC 9110 §5, RFC 9112 §5).
public struct FieldLine {
    public let name: Slice<UnsafeRawBufferPointer>
    /// Without the whitespace around it.
    public let value: Slice<UnsafeRawBufferPointer>

    /// Nil for a line that is none.
    @inlinable
    public init?(_ line: UnsafeRawBufferPointer) {
        var index = 0
        while index < line.count, Byte.isToken(line[index]) { index += 1 }
        // A line that begins with whitespace, whitespace before the colon and a name that is no token all end here.
        guard index > 0, index < line.count, line[index] == UInt8(ascii: ":") else { return nil }
        name = line[..<index]
        var (start, end) = (index + 1, line.count)
        guard Byte.areFieldValue(UnsafeRawBufferPointer(rebasing: line[start...])) else { return nil }
        while start < end, Byte.isBlank(line[start]) { start += 1 }
        while end > start, Byte.isBlank(line[end - 1]) { end -= 1 }
        value = line[start..<end]
    }
}

/// The line in front of a chunk (RFC 9112 §7.1).
public enum ChunkLine {
    /// Nil for a line that is none.
    @inlinable
    public static func size(_ line: UnsafeRawBufferPointer) -> Int? {
        var (size, index) = (0, 0)
        while index < line.count, let digit = Byte.hexDigit(line[index]) {
            size = size << 4 | digit
            index += 1
        }
        // Fifteen digits are more than anything that is ever accepted, and cannot overflow.
        guard (1...15).contains(index) else { return nil }
        guard index < line.count else { return size }
        // An extension, which means nothing to us; whitespace around its words is what smugglers use.
        guard line[index] == UInt8(ascii: ";"), areExtensions(line[index...]) else { return nil }
        return size
    }

    /// Words and quoted strings (RFC 9112 §7.1.1), without whitespace between them.
    @inlinable
    static func areExtensions(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        var isQuoted = false
        for byte in text {
            if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if isQuoted {
                guard Byte.isInFieldValue(byte), byte != UInt8(ascii: "\\") else { return false }
            } else {
                guard Byte.isToken(byte) || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "=") else { return false }
            }
        }
        return !isQuoted
    }
}
