public import SimpleAICore
/// One line of a head or of a trailer section: a name, a colon and a value (RFC 9110 §5, RFC 9112 §5).
public struct FieldLine {
    public let name: Slice<UnsafeRawBufferPointer>
    /// The value without surrounding whitespace.
    public let value: Slice<UnsafeRawBufferPointer>

    /// Nil if the line is malformed.
    @inlinable
    public init?(_ line: UnsafeRawBufferPointer) {
        var index = 0
        while index < line.count, Byte.isToken(line[index]) { index += 1 }
        // Rejects leading whitespace, whitespace before the colon, and a name that is not a token.
        guard index > 0, index < line.count, line[index] == UInt8(ascii: ":") else { return nil }
        name = line[..<index]
        var (start, end) = (index + 1, line.count)
        guard Byte.areFieldValue(UnsafeRawBufferPointer(rebasing: line[start...])) else { return nil }
        while start < end, Byte.isBlank(line[start]) { start += 1 }
        while end > start, Byte.isBlank(line[end - 1]) { end -= 1 }
        value = line[start..<end]
    }
}

/// The size line of a chunk (RFC 9112 §7.1).
public enum ChunkLine {
    /// Nil if the line is malformed.
    @inlinable
    public static func size(_ line: UnsafeRawBufferPointer) -> Int? {
        var (size, index) = (0, 0)
        while index < line.count, let digit = Byte.hexDigit(line[index]) {
            size = size << 4 | digit
            index += 1
        }
        // Fifteen digits exceed every accepted body and cannot overflow.
        guard (1...15).contains(index) else { return nil }
        guard index < line.count else { return size }
        // Extensions are ignored; whitespace around their parts is refused, because request smuggling uses it.
        guard line[index] == UInt8(ascii: ";"), areExtensions(line[index...]) else { return nil }
        return size
    }

    /// Tokens and quoted strings (RFC 9112 §7.1.1), without whitespace between them.
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
