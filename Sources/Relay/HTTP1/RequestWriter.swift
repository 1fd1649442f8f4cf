import NIOCore
import NIOHTTP1

/// Writes heads of requests, which are final, framing included, as the bytes of HTTP/1.1 (RFC 9112 §3).
enum RequestWriter {
    /// In bytes; most heads fit into it.
    static let usualHead = 768

    static func write(_ head: HTTPRequestHead, into bytes: inout ByteBuffer) {
        bytes.writeString(head.method.rawValue)
        bytes.writeStaticString(" ")
        bytes.writeString(head.uri)
        bytes.writeStaticString(" HTTP/1.1\r\n")
        bytes.write(head.headers)
        bytes.writeStaticString("\r\n")
    }
}
