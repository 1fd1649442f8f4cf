import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import Gateway

extension FuzzTarget {
    /// Bytes of a client connection, on their way through the HTTP decoder: however they are cut, they are the same
    /// requests, refused or not.
    static let requests = FuzzTarget(
        "requests",
        seeds: [
            "GET /health HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            "POST /v1/chat/completions HTTP/1.1\r\nHost: h:1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
            "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n5;x=\"y\"\r\nhello\r\n0\r\nX: 1\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: [::1]\r\nUpgrade: h2c\r\nExpect: 100-continue\r\n\r\n",
            "POST http://h/a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX-A:  b \r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        ],
        words: [
            "\r\n", "\n", "\r", " ", "\t", ":", "HTTP/1.1", "HTTP/1.0", "Host: x\r\n", "Content-Length: 1\r\n",
            "Content-Length: 1, 1\r\n", "Content-Length: +1\r\n", "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: x, chunked\r\n", "0\r\n\r\n", "ffffffffffffffff\r\n", "\0", "é", "CONNECT",
            "Upgrade: x\r\n",
        ]
    ) { bytes in
        let whole = try Requests([bytes[...]])
        for pieces in cuts(of: bytes) {
            let cut = try Requests(pieces)
            try require(cut == whole, "pieces are other requests: \(cut) instead of \(whole)")
        }
    }

    /// The requests that come out, with their bodies in one piece each.
    private struct Requests: Equatable {
        var parts: [String] = []
        /// By our own reading or, behind it, by the decoder, which knows fewer methods and extensions of chunks.
        var isRefused = false

        init(_ pieces: [ArraySlice<UInt8>]) throws {
            let channel = EmbeddedChannel()
            let errors = Errors()
            let sync = channel.pipeline.syncOperations
            try sync.addHandler(StrictRequests(maxHead: 4 << 10))
            try sync.addHandler(errors)
            try sync.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
            for piece in pieces {
                do {
                    try channel.writeInbound(ByteBuffer(bytes: piece))
                } catch {
                    isRefused = true
                }
            }
            if errors.first != nil { isRefused = true }
            var body = ""
            var isWhole = true
            while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
                switch part {
                case .head(let head):
                    isWhole = false
                    parts.append("\(head.method) \(head.uri) \(head.version) \(head.headers)")
                case .body(let bytes): body += String(buffer: bytes)
                case .end(let trailers):
                    isWhole = true
                    parts.append("\(body) \(trailers.map { "\($0)" } ?? "")")
                    body = ""
                }
            }
            // Of a request that is refused later as much comes through as had come before: only whole ones count.
            if !isRefused {
                parts.append(body)
            } else if !isWhole {
                parts.removeLast()
            }
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }
    }

    /// Keeps what `StrictRequests` refuses from the decoder's own complaints.
    private final class Errors: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var first: String?

        func errorCaught(context: ChannelHandlerContext, error: any Error) { first = first ?? "\(error)" }
    }
}
