public import NIOCore
public import NIOHTTP1

/// Writes heads of responses as the bytes of HTTP/1 (RFC 9112 §4).
public enum ResponseWriter {
    /// In bytes; most heads fit into it.
    public static let usualHead = 768

    /// - Parameter isChunked: whether the body will come in chunks, which the head has to say.
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
    /// No value ends its line: see `HTTPHeaders.neutralized`, which says the same of fields that somebody else writes.
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

    /// What could end the line, or mean something to a reader further on, becomes a space (RFC 9110 §5.5).
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
