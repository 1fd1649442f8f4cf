import SimpleAICore
import NIOCore
import NIOHTTP1
import Testing

@testable import Relay

/// The second line of defence: any field value ends with its line.
@Suite struct NeutralFieldsTests {
    private static let hostile = [
        "a\r\nX-Evil: 1", "a\r\n\r\nHTTP/1.1 200 OK", "a\nb", "a\rb", "a\u{0}b", "\u{1B}[2J", "a\u{7F}b", "a\u{1}",
        String(repeating: "m", count: 37) + "\r\n" + String(repeating: "n", count: 9),
    ]

    private func lines(_ head: HTTPResponseHead) -> [String] {
        var bytes = ByteBuffer()
        ResponseWriter.write(head, into: &bytes)
        return String(buffer: bytes).split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test(arguments: hostile)
    func noValueEndsItsLine(_ value: String) throws {
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["X-A": value, "X-B": "b"])
        let lines = lines(head)
        #expect(lines.count == 5 && lines[1].hasPrefix("X-A: ") && lines[2] == "X-B: b", "\(lines)")
        #expect(lines.allSatisfy { $0.utf8.allSatisfy(Byte.isInFieldValue) })
        // The same length: each control character became a space.
        #expect(lines[1].utf8.count == 5 + value.utf8.count)
        // And for heads that another component writes.
        #expect(head.neutralized.headers.first(name: "X-A").map { "X-A: \($0)" } == lines[1])
        #expect(head.neutralized.headers.first(name: "X-B") == "b")
    }

    @Test(arguments: hostile)
    func noReasonEndsTheStatusLine(_ reason: String) {
        let head = HTTPResponseHead(version: .http1_1, status: .custom(code: 299, reasonPhrase: reason))
        #expect(lines(head).count == 3)
        #expect(lines(head.neutralized) == lines(head))
    }

    @Test func dropsAFieldWhoseNameEndsItsLine() {
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["X-A: 1\r\nX-Evil": "2", "X-B": "b"])
        #expect(lines(head) == ["HTTP/1.1 200 OK", "X-B: b", "", ""])
        #expect(head.neutralized.headers.map(\.name) == ["X-B"])
    }

    @Test func writesValidFieldsUnchanged() {
        let fields: HTTPHeaders = ["A": "", "B": "a\tb", "C": "é \u{2028}", "D": "\"x\" \\"]
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: fields)
        #expect(lines(head)[1...4] == ["A: ", "B: a\tb", "C: é \u{2028}", "D: \"x\" \\"])
        #expect(head.neutralized == head)
    }

    @Test(arguments: [
        ("/v1/chat/completions", "/v1/chat/completions"), ("/a b", "/a%20b"),
        ("/a HTTP/1.1\r\nX: 1\r\n\r\nGET /b", "/a%20HTTP/1.1%0D%0AX:%201%0D%0A%0D%0AGET%20/b"), ("/\u{7F}", "/%7F"),
        ("/é", "/é"),
    ])
    func noTargetEndsItsLine(_ uri: String, _ target: String) {
        var bytes = ByteBuffer()
        RequestWriter.write(HTTPRequestHead(version: .http1_1, method: .POST, uri: uri), into: &bytes)
        #expect(String(buffer: bytes) == "POST \(target) HTTP/1.1\r\n\r\n")
    }
}
