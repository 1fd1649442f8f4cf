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
            bytes.writeString("HTTP/\(version.major).\(version.minor) \(status.code) \(status.reasonPhrase)\r\n")
        }
        bytes.write(head.headers)
        if isChunked { bytes.writeStaticString("Transfer-Encoding: chunked\r\n") }
        bytes.writeStaticString("\r\n")
    }
}

extension ByteBuffer {
    mutating func write(_ fields: HTTPHeaders) {
        for (name, value) in fields {
            writeString(name)
            writeStaticString(": ")
            writeString(value)
            writeStaticString("\r\n")
        }
    }
}
