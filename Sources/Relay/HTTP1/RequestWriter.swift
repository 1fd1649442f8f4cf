import SimpleAICore
import NIOCore
import NIOHTTP1

/// Serializes request heads, which already contain their framing fields, as HTTP/1.1 (RFC 9112 §3).
enum RequestWriter {
    /// A capacity that most heads fit into, in bytes.
    static let typicalHeadSize = 768

    static func write(_ head: HTTPRequestHead, into bytes: inout ByteBuffer) {
        bytes.writeString(head.method.rawValue)
        bytes.writeStaticString(" ")
        bytes.writeString(target(head.uri))
        bytes.writeStaticString(" HTTP/1.1\r\n")
        bytes.write(head.headers)
        bytes.writeStaticString("\r\n")
    }

    /// The request target, with spaces and control characters percent-encoded: a space would end the target, and a line end
    /// its line (RFC 9112 §3.2).
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
