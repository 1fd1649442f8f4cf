import SimpleAICore
public import NIOCore
public import NIOHTTP1

/// Serializes response heads as HTTP/1 (RFC 9112 §4).
public enum ResponseWriter {
    /// A capacity that most heads fit into, in bytes.
    public static let typicalHeadSize = 768

    /// - Parameter isChunked: whether the body follows in chunks, which the head then states.
    public static func write(_ head: HTTPResponseHead, isChunked: Bool = false, into bytes: inout ByteBuffer) {
        if head.version == .http1_1, head.status == .ok {
            bytes.writeStaticString("HTTP/1.1 200 OK\r\n")
        } else {
            let (version, status) = (head.version, head.status)
            bytes.writeString("HTTP/\(version.major).\(version.minor) \(status.code) ")
            bytes.write(fieldValue: status.reasonPhrase)
            bytes.writeStaticString("\r\n")
        }
        bytes.write(head.headers)
        if isChunked { bytes.writeStaticString("Transfer-Encoding: chunked\r\n") }
        bytes.writeStaticString("\r\n")
    }
}

extension ByteBuffer {
    /// Writes fields so that no value can end its line; `HTTPHeaders.neutralized` does the same for other writers.
    ///
    /// All fields are written in one access to the storage: a head has twenty of them, and each access is checked.
    mutating func write(_ fields: HTTPHeaders) {
        let length = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + FieldBytes.overhead }
        writeWithUnsafeMutableBytes(minimumWritableBytes: length) { bytes in
            var target = FieldBytes(bytes)
            for (name, value) in fields { target.write(name, value) }
            return target.count
        }
    }

    /// Writes a value; control characters, which could end the line, become spaces (RFC 9110 §5.5).
    mutating func write(fieldValue value: String) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: value.utf8.count) { bytes in
            var target = FieldBytes(bytes)
            target.write(value: value)
            return target.count
        }
    }
}

/// Writes field lines into memory that is large enough for them.
private struct FieldBytes {
    /// Number of bytes of a line besides its name and its value.
    static let overhead = 4

    private let bytes: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ bytes: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
    }

    /// Writes a line, unless its name has a control character.
    mutating func write(_ name: String, _ value: String) {
        let start = count
        guard copy(name) else {
            count = start
            return
        }
        copy(UInt8(ascii: ":"), Byte.space)
        write(value: value)
        copy(Byte.carriageReturn, Byte.lineFeed)
    }

    mutating func write(value: String) {
        let start = count
        guard !copy(value) else { return }
        for index in start..<count where !Byte.isInFieldValue(bytes[index]) { bytes[index] = Byte.space }
    }

    /// - Returns: whether the text has no control character.
    private mutating func copy(_ text: String) -> Bool {
        var text = text
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[count...])
        let length = text.withUTF8 { source in
            target.copyMemory(from: UnsafeRawBufferPointer(source))
            return source.count
        }
        count += length
        return Byte.areFieldValue(UnsafeRawBufferPointer(rebasing: target[..<length]))
    }

    private mutating func copy(_ first: UInt8, _ second: UInt8) {
        bytes[count] = first
        bytes[count + 1] = second
        count += 2
    }
}
