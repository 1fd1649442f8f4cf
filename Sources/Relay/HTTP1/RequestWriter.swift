import NIOCore
import NIOHTTP1

/// Writes a request whose head is final, framing included, as the bytes of HTTP/1.1 (RFC 9112 §3).
enum RequestWriter {
    /// In bytes: a longer body is not worth copying behind its head.
    private static let longestCopied = 4 << 10

    /// - Returns: what is to be written, in order.
    static func bytes(of request: UpstreamRequest, _ allocator: ByteBufferAllocator) -> (ByteBuffer, ByteBuffer?) {
        let body = request.body
        let isCopied = body.readableBytes <= longestCopied
        var bytes = allocator.buffer(capacity: 768 + (isCopied ? body.readableBytes : 0))
        write(request.head, into: &bytes)
        guard isCopied else { return (bytes, body) }
        bytes.writeImmutableBuffer(body)
        return (bytes, nil)
    }

    private static func write(_ head: HTTPRequestHead, into bytes: inout ByteBuffer) {
        bytes.writeString(head.method.rawValue)
        bytes.writeStaticString(" ")
        bytes.writeString(head.uri)
        bytes.writeStaticString(" HTTP/1.1\r\n")
        bytes.write(head.headers)
        bytes.writeStaticString("\r\n")
    }
}
