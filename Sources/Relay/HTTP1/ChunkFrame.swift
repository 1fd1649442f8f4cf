import SimpleAICore
import NIOCore

/// Framing of a chunk (RFC 9112 §7.1): its size in hexadecimal digits, and line breaks.
enum ChunkFrame {
    /// Maximum framing in bytes: sixteen digits and two line breaks.
    static let maxOverhead = 20

    /// The line break after a chunk's bytes.
    static let end = ByteBuffer(string: "\r\n")

    static func start(of size: Int) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: maxOverhead) { writeStart(of: size, to: $0) }
        return bytes
    }

    /// - Parameter target: has capacity for the bytes and `maxOverhead` more.
    /// - Returns: the length of the whole chunk in bytes.
    static func write(_ bytes: ByteBuffer, to target: UnsafeMutableRawBufferPointer) -> Int {
        let start = writeStart(of: bytes.readableBytes, to: target)
        let end = start + bytes.readableBytes
        bytes.withUnsafeReadableBytes {
            UnsafeMutableRawBufferPointer(rebasing: target[start..<end]).copyMemory(from: $0)
        }
        target[end] = Byte.carriageReturn
        target[end + 1] = Byte.lineFeed
        return end + 2
    }

    private static func writeStart(of size: Int, to target: UnsafeMutableRawBufferPointer) -> Int {
        let digits = max(1, (Int.bitWidth - size.leadingZeroBitCount + 3) / 4)
        for index in 0..<digits {
            let digit = UInt8(truncatingIfNeeded: size >> (4 * (digits - 1 - index))) & 0xF
            target[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
        target[digits] = Byte.carriageReturn
        target[digits + 1] = Byte.lineFeed
        return digits + 2
    }
}
