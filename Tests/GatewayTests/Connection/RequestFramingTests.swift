import Testing

@testable import Gateway

/// Where requests end, and which ones leave that in doubt. Every case is also read in two pieces, cut at every byte: how
/// bytes arrive must not decide what they mean.
@Suite struct RequestFramingTests {
    private struct Reading: Equatable, CustomStringConvertible {
        var passed: [UInt8] = []
        var violation: RequestFraming.Violation?
        var description: String { "\(String(decoding: passed, as: UTF8.self)) \(String(describing: violation))" }
    }

    /// What a channel handler would do with the bytes.
    private func read(_ pieces: [ArraySlice<UInt8>], maxHead: Int = 1 << 16) -> Reading {
        var framing = RequestFraming(maxHead: maxHead)
        var reading = Reading()
        var held: [UInt8] = []
        for piece in pieces {
            held += piece
            let progress = held.withUnsafeBytes { framing.advance(over: $0) }
            reading.passed += held.prefix(progress.passable)
            held.removeFirst(progress.passable)
            reading.violation = progress.violation
            if progress.violation != nil { break }
        }
        return reading
    }

    private func read(_ text: String, maxHead: Int = 1 << 16) -> Reading {
        let bytes = Array(text.utf8)
        let whole = read([bytes[...]], maxHead: maxHead)
        for cut in bytes.indices {
            let pieces = read([bytes[..<cut], bytes[cut...]], maxHead: maxHead)
            #expect(pieces.violation == whole.violation, "cut at \(cut) of \(text)")
            if whole.violation == nil { #expect(pieces.passed == whole.passed, "cut at \(cut) of \(text)") }
        }
        let singly = read(bytes.indices.map { bytes[$0...$0] }, maxHead: maxHead)
        #expect(singly.violation == whole.violation, "byte by byte: \(text)")
        return whole
    }

    private static let host = "Host: h\r\n"

    /// The decoder would stop reading at an offer that is left in, whatever comes behind the request.
    @Test(arguments: ["", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.0\r\u{E}\r\n", "\r\n\r\n"])
    func offersToUpgradeAreFoundWhateverFollows(_ next: String) {
        let request = "OPTIONS * HTTP/1.1\r\nHost: h\r\nUPGRADE: h2c\r\n\r\n"
        var framing = RequestFraming(maxHead: 1 << 16)
        let progress = Array((request + next).utf8).withUnsafeBytes { framing.advance(over: $0) }
        #expect(progress.passable >= request.utf8.count)
        #expect(progress.upgrades == ["OPTIONS * HTTP/1.1\r\nHost: h\r\n".utf8.count])
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "\r\nGET / HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "GET http://[::1]:80/x?y HTTP/1.1\r\nhOST: [::1]:80\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00a;x=\"y z\"\r\n0123456789\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\tchunked \r\n\r\n0\r\nX-Checksum: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: \u{E9}\t\"\r\nX.y|z: 1\r\nEmpty:\r\n\r\n",
    ])
    func goodRequestsPassUnchanged(text: String) {
        for text in [text, text + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n", text + text] {
            let reading = read(text)
            #expect(reading.violation == nil && reading.passed == Array(text.utf8), "\(text)")
        }
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
            ("CONNECT h:443 HTTP/1.1\r\n", .requestLine), ("CONNECT / HTTP/1.1\r\n", .requestLine),
            ("GET ftp://h/ HTTP/1.1\r\n", .requestLine), ("GET http:///x HTTP/1.1\r\n", .requestLine),
            ("GET http://user@h/ HTTP/1.1\r\n", .requestLine), ("\r\n\r\nGET / HTTP/1.1\r\n", .requestLine),
            ("\nGET / HTTP/1.1\r\n", .requestLine), ("\u{16}\u{3}\u{1}\u{2}hello\n", .requestLine),
        ] as [(String, RequestFraming.Violation)])
    func badRequestLines(text: String, violation: RequestFraming.Violation) {
        let reading = read(text)
        #expect(reading.violation == violation, "\(text)")
        #expect(reading.passed.allSatisfy { $0 == 0x0D || $0 == 0x0A }, "no part of it is passed on")
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
            ("Content-Type: application/json\r\ncontent-type: text/html\r\n", .field),
        ] as [(String, RequestFraming.Violation)])
    func badFields(fields: String, violation: RequestFraming.Violation) {
        let text = "POST / HTTP/1.1\r\n" + Self.host + fields
        #expect(read(text).violation == violation, "\(fields)")
        #expect(read(text).passed.isEmpty, "no part of a bad head is passed on")
        // A good request before it is not held responsible.
        let good = "GET / HTTP/1.1\r\n" + Self.host + "\r\n"
        #expect(read([Array((good + text).utf8)[...]]).passed == Array(good.utf8))
    }

    @Test(arguments: ["", "Host: a b\r\n", "Host: a/b\r\n", "Host: u@h\r\n", "Host: a?b\r\n"])
    func badHosts(field: String) {
        #expect(read("GET / HTTP/1.1\r\n\(field)\r\n").violation == .host)
    }

    @Test func anOldRequestHasNoChunks() {
        #expect(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").violation == .length)
    }

    @Test(
        arguments: [
            ("\r\n", .chunk), (" 5\r\n", .chunk), ("5 \r\n", .chunk), ("5\n", .chunk), ("-5\r\n", .chunk),
            ("+5\r\n", .chunk),
            ("0x5\r\n", .chunk), ("5_0\r\n", .chunk), ("g\r\n", .chunk), ("1234567890abcdef\r\n", .chunk),
            (";x\r\n", .chunk),
            ("5 ;x\r\n", .chunk), ("5;x\ry\r\n", .chunk), ("5;x\ny\r\n", .chunk), ("5\r\nhello!\r\n", .chunk),
            ("5\r\nhello\n", .chunk), ("5\r\nhello\r\r\n", .chunk), ("0\r\nX\r\n", .field), ("0\r\n X: y\r\n", .field),
            ("0\r\nContent-Length: 3\r\n", .trailer), ("0\r\ntransfer-encoding: chunked\r\n", .trailer),
            ("0\r\nHost: x\r\n", .trailer), ("0\r\nAuthorization: x\r\n", .trailer),
            ("0;" + String(repeating: "x", count: 300) + "\r\n", .chunk),
        ] as [(String, RequestFraming.Violation)])
    func badChunks(chunks: String, violation: RequestFraming.Violation) {
        let head = "POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n"
        #expect(read(head + chunks).violation == violation, "\(chunks)")
    }

    @Test func whatIsNotCompleteIsHeldBack() {
        let head = "POST / HTTP/1.1\r\n\(Self.host)Content-Length: 5\r\n\r\n"
        #expect(read([Array(head.dropLast().utf8)[...]]) == Reading())
        let body = read([Array((head + "hel").utf8)[...]])
        #expect(body == Reading(passed: Array((head + "hel").utf8)), "a body is passed on as it comes")
    }

    /// However the head arrives, the decoder must not hear of an upgrade.
    @Test func offersToUpgradeAreFound() {
        let head = Array("GET / HTTP/1.1\r\nHost: h\r\nupgrade: h2c\r\nUpgraded: no\r\nUPGRADE: x\r\n\r\n".utf8)
        for cut in head.indices {
            var framing = RequestFraming(maxHead: 1 << 16)
            var found = head[..<cut].withUnsafeBytes { framing.advance(over: $0) }.upgrades
            found += head.withUnsafeBytes { framing.advance(over: $0) }.upgrades
            #expect(found == [25, 53], "cut at \(cut)")
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
        // Every request has the whole limit to itself.
        let short = "GET / HTTP/1.1\r\n\(Self.host)\r\n"
        #expect(read(String(repeating: short, count: 20), maxHead: 40).violation == nil)
    }
}
