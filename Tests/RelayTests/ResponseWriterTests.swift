import NIOCore
import NIOHTTP1
import Testing

@testable import Relay

/// Response heads as bytes: an HTTP parser reads them as intended.
@Suite struct ResponseWriterTests {
    private func text(_ head: HTTPResponseHead, isChunked: Bool = false) -> String {
        var bytes = ByteBuffer()
        ResponseWriter.write(head, isChunked: isChunked, into: &bytes)
        return String(buffer: bytes)
    }

    @Test func writesVersionStatusAndFields() {
        let fields: HTTPHeaders = ["Content-Type": "text/plain", "X-A": "", "x-a": "b c"]
        #expect(
            text(HTTPResponseHead(version: .http1_1, status: .ok, headers: fields))
                == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: \r\nx-a: b c\r\n\r\n")
        #expect(
            text(HTTPResponseHead(version: .http1_0, status: .ok, headers: ["Connection": "close"]))
                == "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n")
        #expect(
            text(HTTPResponseHead(version: .http1_1, status: .tooManyRequests, headers: [:]))
                == "HTTP/1.1 429 Too Many Requests\r\n\r\n")
        #expect(text(HTTPResponseHead(version: .http1_1, status: .continue)) == "HTTP/1.1 100 Continue\r\n\r\n")
    }

    @Test func statesChunkedTransferCoding() {
        #expect(
            text(HTTPResponseHead(version: .http1_1, status: .ok, headers: ["A": "b"]), isChunked: true)
                == "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    /// The project's own response parser reads the written bytes.
    @Test func theResponseParserReadsIt() throws {
        let head = HTTPResponseHead(
            version: .http1_1, status: .ok, headers: ["Content-Type": "text/event-stream"])
        var bytes = ByteBuffer()
        ResponseWriter.write(head, isChunked: true, into: &bytes)
        bytes.writeString("5\r\nhello\r\n0\r\n\r\n")
        var reader = ResponseParser()
        reader.append(bytes)
        guard case .head(let read)? = try reader.next() else { throw ResponseParser.Violation.statusLine }
        #expect(read.status == .ok && read.headers["content-type"] == ["text/event-stream"])
        #expect(try reader.next() == .body(ByteBuffer(string: "hello")))
        #expect(try reader.next() == .end)
    }
}
