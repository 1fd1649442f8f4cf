import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import DataPlane

extension FuzzTarget {
    /// Bytes of a client's connection: however they are cut, they parse as the same requests, refused or not; and
    /// each request that the gateway accepts is the same for another parser, which may refuse more.
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
        let whole = Reading([bytes[...]])
        for pieces in cuts(of: bytes) {
            let cut = Reading(pieces)
            try require(cut == whole, "pieces are other requests: \(cut) instead of \(whole)")
        }
        // After the offer of another protocol the other parser continues as if it had been accepted.
        guard !whole.requests.contains(where: \.offersUpgrade) else { return }
        let other = try Reading(decoding: bytes)
        let common = min(whole.requests.count, other.requests.count)
        // The other parser accepts requests that are ambiguous, but it must not read another request where the
        // gateway reads one.
        try require(
            Array(whole.requests[..<common]) == Array(other.requests[..<common]),
            "another reader reads \(other) instead of \(whole)")
    }

    private struct Request: Equatable {
        let line: String
        let fields: [String]
        var body: [UInt8] = []

        var offersUpgrade: Bool { fields.contains { $0.lowercased().hasPrefix("upgrade:") } }

        init(_ head: HTTPRequestHead) {
            line = "\(head.method) \(head.uri) \(head.version)"
            // The other parser keeps white space behind a value.
            fields = head.headers.map { "\($0): \($1.trimmingPrefix { $0.isWhitespace })".trimmedAtEnd }
        }
    }

    /// The complete requests that were parsed.
    private struct Reading: Equatable {
        var requests: [Request] = []
        var violation: RequestParser.Violation?

        init(_ pieces: [ArraySlice<UInt8>]) {
            var reader = RequestParser(maxHead: 4 << 10)
            var request: Request?
            do throws(RequestParser.Violation) {
                for piece in pieces {
                    reader.append(ByteBuffer(bytes: piece))
                    while let part = try reader.next() {
                        switch part {
                        case .head(let head): request = Request(head)
                        case .body(let bytes): request?.body += bytes.readableBytesView
                        case .end: requests += [request].compactMap(\.self)
                        }
                    }
                }
            } catch {
                violation = error
            }
        }

        init(decoding bytes: [UInt8]) throws {
            let channel = EmbeddedChannel()
            try channel.pipeline.syncOperations.addHandler(
                ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
            // A malformed request may follow a valid one.
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
            var request: Request?
            while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
                switch part {
                case .head(let head): request = Request(head)
                case .body(let bytes): request?.body += bytes.readableBytesView
                case .end: requests += [request].compactMap(\.self)
                }
            }
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }
    }
}

extension String {
    fileprivate var trimmedAtEnd: String {
        String(self[..<(lastIndex { !$0.isWhitespace }.map(index(after:)) ?? startIndex)])
    }
}
