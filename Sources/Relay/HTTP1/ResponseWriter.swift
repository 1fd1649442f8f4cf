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
    mutating func write(_ fields: HTTPHeaders) {
        for (name, value) in fields {
            let start = writerIndex
            writeString(name)
            guard isFieldValue(from: start) else {
                moveWriterIndex(to: start)
                continue
            }
            writeStaticString(": ")
            write(fieldValue: value)
            writeStaticString("\r\n")
        }
    }

    /// Writes a value; control characters, which could end the line, become spaces (RFC 9110 §5.5).
    mutating func write(fieldValue value: String) {
        let start = writerIndex
        writeString(value)
        guard !isFieldValue(from: start) else { return }
        for index in start..<writerIndex where !Byte.isInFieldValue(getInteger(at: index) ?? 0) {
            setInteger(Byte.space, at: index)
        }
    }

    private func isFieldValue(from start: Int) -> Bool {
        withUnsafeReadableBytes { Byte.areFieldValue(UnsafeRawBufferPointer(rebasing: $0[(start - readerIndex)...])) }
    }
}
