import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import Relay

extension FuzzTarget {
    /// Bytes of an engine's connection: however they are cut, they parse as the same response, refused or not; and a
    /// response that is complete for both parsers is the same for both.
    static let answers = FuzzTarget(
        "answers",
        seeds: [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n",
        ],
        words: [
            "\r\n", "\n", "\r", " ", "\t", ":", "HTTP/1.1 ", "HTTP/1.0 ", "200 OK\r\n", "204\r\n", "304\r\n", "101\r\n",
            "Content-Length: 1\r\n", "Content-Length: 1, 1\r\n", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n",
            "Transfer-Encoding: gzip, chunked\r\n", "ffffffffffffffff\r\n", "\0", "é", ";",
        ]
    ) { bytes in
        let whole = Reading([bytes[...]])
        for pieces in cuts(of: bytes) {
            let cut = Reading(pieces)
            try require(cut == whole, "pieces are another answer: \(cut) instead of \(whole)")
        }
        guard whole.isComplete, let status = whole.status, status != 101 else { return }
        let other = try Reading(decoding: bytes)
        // The other parser refuses more: chunk extensions outside ASCII, lengths among trailers, a tab behind
        // `chunked`.
        guard other.isComplete else { return }
        try require(
            other.status == status && other.body == whole.body,
            "another reader reads \(other) instead of \(whole)")
    }

    /// The first response.
    private struct Reading: Equatable {
        var status: UInt?
        var body: [UInt8] = []
        var isComplete = false
        var violation: ResponseParser.Violation?

        init(_ pieces: [ArraySlice<UInt8>]) {
            var reader = ResponseParser()
            do throws(ResponseParser.Violation) {
                for piece in pieces {
                    reader.append(ByteBuffer(bytes: piece))
                    // The gateway refuses a switch of protocols: what follows is no response.
                    while status != 101, let part = try reader.next() {
                        switch part {
                        case .head(let head): status = head.status.code
                        case .body(let bytes): body += bytes.readableBytesView
                        case .end: isComplete = true
                        }
                    }
                }
            } catch {
                violation = error
            }
        }

        init(decoding bytes: [UInt8]) throws {
            let channel = EmbeddedChannel()
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(HTTPRequestEncoder())
            try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)))
            let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/")
            try channel.writeOutbound(HTTPClientRequestPart.head(head))
            // Bytes behind the end may be malformed.
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
            while !isComplete, let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
                switch part {
                case .head(let head): status = head.status.code
                case .body(let bytes): body += bytes.readableBytesView
                case .end: isComplete = true
                }
            }
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }
    }
}
