import NIOCore
import NIOHTTP1
import SimpleAICore
import Testing

@testable import DataPlane

/// The content and the end of requests, and the refusal of ambiguous ones. Every case is also read in two pieces, cut
/// at every byte: the segmentation must not change the result.
@Suite struct RequestParserTests {
    private struct Request: Equatable {
        var head: HTTPRequestHead
        var body: [UInt8] = []
        var isWhole = false
    }

    private struct Reading: Equatable, CustomStringConvertible {
        var requests: [Request] = []
        var violation: RequestParser.Violation?
        var description: String { "\(requests) \(String(describing: violation))" }

        mutating func take(_ part: RequestParser.Part) {
            switch part {
            case .head(let head): requests.append(Request(head: head))
            case .body(let bytes): requests[requests.count - 1].body += bytes.readableBytesView
            case .end: requests[requests.count - 1].isWhole = true
            }
        }
    }

    private func read(_ pieces: [ArraySlice<UInt8>], maxHead: Int = 1 << 16) -> Reading {
        var reader = RequestParser(maxHead: maxHead)
        var reading = Reading()
        do throws(RequestParser.Violation) {
            for piece in pieces {
                reader.append(ByteBuffer(bytes: piece))
                while let part = try reader.next() { reading.take(part) }
            }
        } catch {
            reading.violation = error
        }
        return reading
    }

    private func read(_ text: String, maxHead: Int = 1 << 16) -> Reading {
        let bytes = Array(text.utf8)
        let whole = read([bytes[...]], maxHead: maxHead)
        for cut in bytes.indices {
            let pieces = read([bytes[..<cut], bytes[cut...]], maxHead: maxHead)
            #expect(pieces == whole, "cut at \(cut) of \(text)")
        }
        #expect(read(bytes.indices.map { bytes[$0...$0] }, maxHead: maxHead) == whole, "byte by byte: \(text)")
        return whole
    }

    private static let host = "Host: h\r\n"

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "\r\nGET / HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "GET http://[::1]:80/x?y HTTP/1.1\r\nhOST: [::1]:80\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00a;x=\"y z\"\r\n0123456789\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\tchunked \r\n\r\n0\r\nX-Checksum: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: \u{E9}\t\"\r\nX.y|z: 1\r\nEmpty:\r\n\r\n",
    ])
    func readsValidRequests(text: String) {
        let once = read(text)
        #expect(once.violation == nil && once.requests.count == 1 && once.requests[0].isWhole, "\(text): \(once)")
        let again = read(text + text)
        #expect(again == Reading(requests: once.requests + once.requests), "\(text)")
        let next = read(text + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(next.requests.map(\.head.uri) == [once.requests[0].head.uri, "/next"], "\(text)")
    }

    @Test func readsARequestUnchanged() {
        let chunked = read(
            "POST /a?b=%20 HTTP/1.1\r\nHost: h\r\nX-A:  b c\t\r\nx-a: \u{E9}\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n")
        let fields: HTTPHeaders = ["Host": "h", "X-A": "b c", "x-a": "\u{E9}", "Transfer-Encoding": "chunked"]
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/a?b=%20", headers: fields)
        #expect(chunked.requests == [Request(head: head, body: Array("hello!".utf8), isWhole: true)])
        let old = read("DELETE /x HTTP/1.0\r\nContent-Length: 2\r\n\r\nab")
        let oldHead = HTTPRequestHead(
            version: .http1_0, method: .DELETE, uri: "/x", headers: ["Content-Length": "2"])
        #expect(old.requests == [Request(head: oldHead, body: Array("ab".utf8), isWhole: true)])
    }

    @Test(
        arguments: [
            ("GET /\r\n", .requestLine), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .requestLine),
            ("GET / HTTP/1.2\r\n", .requestLine), ("GET / http/1.1\r\n", .requestLine),
            ("GET  / HTTP/1.1\r\n", .requestLine),
            ("GET / HTTP/1.1 \r\n", .requestLine), (" GET / HTTP/1.1\r\n", .requestLine),
            ("GET\t/ HTTP/1.1\r\n", .requestLine),
            ("GET / x HTTP/1.1\r\n", .requestLine), ("GET / HTTP/1.1\n", .requestLine),
            ("G\u{0}T / HTTP/1.1\r\n", .requestLine),
            ("GET /\u{7F} HTTP/1.1\r\n", .requestLine), ("GET /\u{E0} HTTP/1.1\r\n", .requestLine),
            ("GET x HTTP/1.1\r\n", .requestLine), ("GET * HTTP/1.1\r\n", .requestLine),
            ("OPTIONS ** HTTP/1.1\r\n", .requestLine),
            ("BREW / HTTP/1.1\r\n", .requestLine), ("get / HTTP/1.1\r\n", .requestLine),
            ("CONNECT h:443 HTTP/1.1\r\n", .requestLine), ("CONNECT / HTTP/1.1\r\n", .requestLine),
            ("GET ftp://h/ HTTP/1.1\r\n", .requestLine), ("GET http:///x HTTP/1.1\r\n", .requestLine),
            ("GET http://user@h/ HTTP/1.1\r\n", .requestLine), ("\r\n\r\nGET / HTTP/1.1\r\n", .requestLine),
            ("\nGET / HTTP/1.1\r\n", .requestLine), ("\u{16}\u{3}\u{1}\u{2}hello\n", .requestLine),
        ] as [(String, RequestParser.Violation)])
    func refusesInvalidRequestLines(text: String, violation: RequestParser.Violation) {
        let reading = read(text)
        #expect(reading.violation == violation, "\(text)")
        #expect(reading.requests.isEmpty, "no part of it is handed on")
    }

    @Test(
        arguments: [
            ("X\r\n", .field), (": x\r\n", .field), ("X : y\r\n", .field), (" X: y\r\n", .field),
            ("X: y\r\n z\r\n", .field),
            ("X: y\n", .field), ("X: y\rz\r\n", .field), ("X: \u{0}\r\n", .field), ("X: \u{7}\r\n", .field),
            ("X: \u{7F}\r\n", .field), ("X\u{DF}: y\r\n", .field), ("X(y): z\r\n", .field), ("\n", .field),
            ("Content-Length: 1\r\nContent-Length: 1\r\n", .length),
            ("Content-Length: 1\r\nContent-Length: 2\r\n", .length),
            ("Content-Length: 1, 1\r\n", .length), ("Content-Length: +1\r\n", .length),
            ("Content-Length: -0\r\n", .length),
            ("Content-Length:\r\n", .length), ("Content-Length: 0x1\r\n", .length),
            ("Content-Length: 1 2\r\n", .length),
            ("Content-Length: 9999999999999999999\r\n", .length), ("Content-Length: 1.0\r\n", .length),
            ("Content-Length : 1\r\n", .field), ("Content_Length: 1\r\n", .length),
            ("TRANSFER_ENCODING: chunked\r\n", .length),
            ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", .length),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .length),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .length),
            ("Transfer-Encoding: gzip, chunked\r\n", .length), ("Transfer-Encoding: identity\r\n", .length),
            ("Transfer-Encoding: chunked, chunked\r\n", .length), ("Transfer-Encoding: \"chunked\"\r\n", .length),
            ("Transfer-Encoding: chunked;x\r\n", .length), ("Transfer-Encoding:\r\n", .length),
            ("Transfer-Encoding: \u{B}chunked\r\n", .field), ("Host: h\r\n", .host), ("Host: i\r\n", .host),
            ("Content-Type: application/json\r\ncontent-type: text/html\r\n", .repeated("content-type")),
            ("Authorization: Bearer a\r\nauthorization: Bearer a\r\n", .repeated("authorization")),
            ("X-Request-Id: a\r\nX-REQUEST-ID: b\r\n", .repeated("x-request-id")),
            ("Origin: https://a\r\nX: y\r\norigin: https://b\r\n", .repeated("origin")),
            ("Expect: 100-continue\r\nExpect: x\r\n", .repeated("expect")),
        ] as [(String, RequestParser.Violation)])
    func refusesInvalidFields(fields: String, violation: RequestParser.Violation) {
        let text = "POST / HTTP/1.1\r\n" + Self.host + fields
        #expect(read(text).violation == violation, "\(fields)")
        #expect(read(text).requests.isEmpty, "no part of a bad head is handed on")
        // A valid request before it is unaffected.
        let both = read("GET / HTTP/1.1\r\n" + Self.host + "\r\n" + text)
        #expect(both.requests.map(\.head.method) == [.GET] && both.violation == violation)
    }

    /// Known when the head is complete.
    @Test(arguments: [
        ("Authorization: Bearer a\r\nX-Api-Key: b\r\n", false), ("api-key: b\r\nAuthorization: Basic b\r\n", false),
        ("Api-Key: a\r\nx-api-key: b\r\n", false), ("Authorization: bearer a\r\nX-Api-Key: a\r\napi-key:\r\n", true),
        ("X-Api-Key: a\r\n", true),
    ])
    func refusesContradictoryCredentials(fields: String, isGood: Bool) {
        for (path, version, dialect) in [
            ("/", "", .openAI), ("/v1/models", "anthropic-version: 1\r\n", .anthropic),
            ("/v1//messages?a", "", .anthropic),
            ("/api/tags", "", .ollama), ("/v1/chat/completions", "anthropic-version: 1\r\n", .openAI),
        ] as [(String, String, Dialect)] {
            let text = "GET \(path) HTTP/1.1\r\n" + Self.host + fields + version + "\r\n"
            #expect(read(text).violation == (isGood ? nil : .credentials(dialect)), "\(path)")
            #expect(read(text).requests.count == (isGood ? 1 : 0))
        }
    }

    @Test(arguments: ["", "Host: a b\r\n", "Host: a/b\r\n", "Host: u@h\r\n", "Host: a?b\r\n"])
    func refusesInvalidHosts(field: String) {
        #expect(read("GET / HTTP/1.1\r\n\(field)\r\n").violation == .host)
    }

    @Test func http10HasNoChunks() {
        #expect(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").violation == .length)
    }

    @Test(
        arguments: [
            ("\r\n", .chunk), (" 5\r\n", .chunk), ("5 \r\n", .chunk), ("5\n", .chunk), ("-5\r\n", .chunk),
            ("+5\r\n", .chunk),
            ("0x5\r\n", .chunk), ("5_0\r\n", .chunk), ("g\r\n", .chunk), ("1234567890abcdef\r\n", .chunk),
            (";x\r\n", .chunk),
            ("5 ;x\r\n", .chunk), ("5; x\r\n", .chunk), ("5;x=\"y\r\n", .chunk), ("5;x=\"\\\"\r\n", .chunk),
            ("5;x\ry\r\n", .chunk), ("5;x\ny\r\n", .chunk), ("5\r\nhello!\r\n", .chunk),
            ("5\r\nhello\n", .chunk), ("5\r\nhello\r\r\n", .chunk), ("0\r\nX\r\n", .field), ("0\r\n X: y\r\n", .field),
            ("0\r\nContent-Length: 3\r\n", .trailer), ("0\r\ntransfer-encoding: chunked\r\n", .trailer),
            ("0\r\nHost: x\r\n", .trailer), ("0\r\nAuthorization: x\r\n", .trailer),
            ("0;" + String(repeating: "x", count: 300) + "\r\n", .chunk),
        ] as [(String, RequestParser.Violation)])
    func refusesInvalidChunks(chunks: String, violation: RequestParser.Violation) {
        let head = "POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n"
        #expect(read(head + chunks).violation == violation, "\(chunks)")
    }

    @Test func headsAreCompleteAndBodiesArriveInPieces() throws {
        let head = "POST / HTTP/1.1\r\n\(Self.host)Content-Length: 5\r\n\r\n"
        #expect(read([Array(head.dropLast().utf8)[...]]) == Reading())
        let begun = read([Array((head + "hel").utf8)[...]])
        #expect(try #require(begun.requests.first).body == Array("hel".utf8) && !begun.requests[0].isWhole)
    }

    @Test func detectsTheGapBetweenRequests() throws {
        var reader = RequestParser(maxHead: 1 << 16)
        #expect(reader.isBetweenRequests && !reader.hasPending)
        for (piece, isBetween) in [
            ("GET / HTTP/1.0\r\n", false), ("\r\n", true), ("P", false),
            ("OST / HTTP/1.0\r\nContent-Length: 1\r\n", false),
            ("\r\n", false), ("x", true), ("\r\n", true),
        ] {
            reader.append(ByteBuffer(string: piece))
            while try reader.next() != nil {}
            #expect(reader.isBetweenRequests == isBetween, "after \(piece)")
        }
    }

    @Test func headsAndTrailersAreBounded() {
        let long = String(repeating: "x", count: 90)
        #expect(read("GET /\(long)", maxHead: 90).violation == .tooLarge)
        #expect(read("GET / HTTP/1.1\r\nX: \(long)", maxHead: 90).violation == .tooLarge)
        #expect(
            read("GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 20), maxHead: 90).violation == .tooLarge)
        let request = "POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n0\r\n"
        #expect(read(request + "\r\n", maxHead: 90).violation == nil)
        #expect(read(request + "X: \(long)", maxHead: 90).violation == .tooLarge)
        #expect(read(request + String(repeating: "X: y\r\n", count: 20), maxHead: 90).violation == .tooLarge)
        // The limit applies to each request separately.
        let short = "GET / HTTP/1.1\r\n\(Self.host)\r\n"
        #expect(read(String(repeating: short, count: 20), maxHead: 40).violation == nil)
    }
}
