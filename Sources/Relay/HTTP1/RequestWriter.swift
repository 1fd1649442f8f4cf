import NIOCore
import NIOHTTP1

/// Serializes request heads, which are final including their framing, as HTTP/1.1 (RFC 9112 §3).
enum RequestWriter {
    /// In bytes; most heads fit.
    static let usualHead = 768

    static func write(_ head: HTTPRequestHead, into bytes: inout ByteBuffer) {
        bytes.writeString(head.method.rawValue)
        bytes.writeStaticString(" ")
        bytes.writeString(target(head.uri))
        bytes.writeStaticString(" HTTP/1.1\r\n")
        bytes.write(head.headers)
        bytes.writeStaticString("\r\n")
    }

    /// A target ends at the first space, and its line at the first line end: neither may occur in it (RFC 9112 §3.2).
    private static func target(_ uri: String) -> String {
        if uri.utf8.allSatisfy({ $0 > Byte.space && $0 != Byte.delete }) { return uri }
        let digits = Array("0123456789ABCDEF".utf8)
        let bytes = uri.utf8.flatMap { byte in
            byte > Byte.space && byte != Byte.delete
                ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
