import NIOCore
import NIOHTTP1
import Testing

@testable import Relay

@Suite struct ResponseParserTests {
    /// The parsed response, its body joined.
    private struct Reading: Equatable {
        var status: UInt?
        var body = ""
        var isComplete = false
        var isEmptyAfterwards = false
        var violation: ResponseParser.Violation?
    }

    private func read(_ text: String, inPiecesOf size: Int = .max) -> Reading {
        var reader = ResponseParser()
        var reading = Reading()
        var rest = ByteBuffer(string: text)
        do throws(ResponseParser.Violation) {
            while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
                reader.append(piece)
                while let part = try reader.next() {
                    switch part {
                    case .head(let head): reading.status = head.status.code
                    case .body(let bytes): reading.body += String(buffer: bytes)
                    case .end: reading.isComplete = true
                    }
                }
            }
        } catch {
            reading.violation = error
        }
        reading.isEmptyAfterwards = reader.isEmpty
        return reading
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello", "hello"),
        ("HTTP/1.0 200 \r\nContent-Length:\t5 \r\n\r\nhello", "hello"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n003\r\nllo\r\n0\r\nX: y\r\n\r\n",
            "hello"
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            "x"
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", ""), ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
    ])
    func parsesAResponseInAnyPieces(_ text: String, _ body: String) {
        for size in [1, 2, 3, 7, 64, .max] {
            let reading = read(text, inPiecesOf: size)
            #expect(reading.violation == nil && reading.isComplete && reading.isEmptyAfterwards, "in pieces of \(size)")
            #expect(reading.body == body)
        }
    }

    @Test func aBodyWithoutALengthEndsWithTheConnection() throws {
        var reader = ResponseParser()
        reader.append(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\nall of"))
        guard case .head = try reader.next() else { return #expect(Bool(false), "no head") }
        #expect(reader.endsWithConnection)
        #expect(try reader.next() == .body(ByteBuffer(string: "all of")))
        reader.append(ByteBuffer(string: " this"))
        #expect(try reader.next() == .body(ByteBuffer(string: " this")))
        #expect(try reader.next() == nil)
        #expect(reader.endsWithConnection)
    }

    @Test func bytesAfterAResponseAreNotPartOfIt() throws {
        let response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        let reading = read(response + response)
        #expect(reading.isComplete && reading.body == "hi")
        #expect(!reading.isEmptyAfterwards, "the connection is not to be used again")
        // One after the other, each when it is requested.
        var reader = ResponseParser()
        for _ in 1...3 {
            reader.begin()
            reader.append(ByteBuffer(string: response))
            guard case .head = try reader.next() else { return #expect(Bool(false), "no head") }
            #expect(try reader.next() == .body(ByteBuffer(string: "hi")))
            #expect(try reader.next() == .end)
            #expect(reader.isEmpty)
        }
    }

    @Test(arguments: [
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", ResponseParser.Violation.statusLine), ("HTTP/2.0 200 OK\r\n\r\n", .statusLine),
        ("HTTP/1.2 200 OK\r\n\r\n", .statusLine), ("HTTP/1.1 20 OK\r\n\r\n", .statusLine),
        ("SSH-2.0-OpenSSH_9.2\r\n", .statusLine), ("<", .statusLine), ("HTTP/2", .statusLine),
        ("HTTP/1.1 abc\r\n\r\n", .statusLine), ("HTTP/1.1  200 OK\r\n\r\n", .statusLine),
        ("HTTP/1.1 099 X\r\n\r\n", .statusLine), ("HTTP/1.1 200-OK\r\n\r\n", .statusLine),
        ("HTTP/1.1 200 OK\n\n", .statusLine), ("\r\n\r\n", .statusLine),
        ("HTTP/1.1 200 O\u{1}K\r\n\r\n", .statusLine),
        ("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", .field), ("HTTP/1.1 200 OK\r\nA : c\r\n\r\n", .field),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .field), ("HTTP/1.1 200 OK\r\n: b\r\n\r\n", .field),
        ("HTTP/1.1 200 OK\r\nA: b\u{0}\r\n\r\n", .field), ("HTTP/1.1 200 OK\r\nA: b\n\r\n", .field),
        ("HTTP/1.1 200 OK\r\nA: b\rc: d\r\n\r\n", .field),
        ("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", .length),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", .chunk),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", .chunk),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n", .chunk),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n", .chunk),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n", .chunk),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", .chunk),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno field\r\n\r\n", .field),
    ])
    func refusesAmbiguousResponses(_ text: String, _ violation: ResponseParser.Violation) {
        for size in [1, 5, .max] {
            #expect(read(text, inPiecesOf: size).violation == violation, "in pieces of \(size)")
        }
    }

    @Test func limitsUnfinishedHeadsAndLines() {
        let field = "X-Long: " + String(repeating: "x", count: 1_000) + "\r\n"
        let head = "HTTP/1.1 200 OK\r\n" + String(repeating: field, count: 70)
        #expect(read(head, inPiecesOf: 1_000).violation == .headTooLarge)
        #expect(
            read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + String(repeating: "0", count: 300)).violation
                == .chunk)
        let trailers =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + String(repeating: field, count: 70)
        #expect(read(trailers, inPiecesOf: 999).violation == .headTooLarge)
    }

    @Test func readsFieldsUnchanged() throws {
        var reader = ResponseParser()
        reader.append(ByteBuffer(string: "HTTP/1.1 418 Short\r\nX-A:  b c \r\nX-A: \r\nÄ-B: x\r\n\r\n"))
        #expect(throws: ResponseParser.Violation.field) { try reader.next() }
        reader = ResponseParser()
        reader.append(ByteBuffer(string: "HTTP/1.0 418 Short\r\nX-A:  b c \r\nX-A: \r\nx-b: é\r\n\r\n"))
        guard case .head(let head)? = try reader.next() else { return #expect(Bool(false), "no head") }
        #expect(head.version == .http1_0 && head.status.code == 418 && !head.isKeepAlive)
        #expect(head.headers["x-a"] == ["b c", ""])
        #expect(head.headers.first(name: "X-B") == "é")
    }
}
