import NIOHPACK
import SimpleAICore
import Testing

@testable import DataPlane

/// Valid and malformed HTTP/2 heads, field by field; `HTTP2ValidationTests` tests the same over a connection.
@Suite struct StreamHeadTests {
    private static let good: HPACKHeaders = [
        ":method": "POST", ":scheme": "https", ":authority": "ai.example:8443", ":path": "/v1/chat/completions?a=b",
        "content-type": "application/json", "content-length": "2", "x-name": "a value\twith blanks, and é",
    ]

    private static func check(_ change: (inout HPACKHeaders) -> Void = { _ in }, maxSize: Int = 1_000) throws
        -> HPACKHeaders
    {
        var headers = good
        change(&headers)
        return try StreamHead.checked(headers, maxSize: maxSize)
    }

    @Test func aValidHeadIsUnchanged() throws {
        #expect(try Self.check() == Self.good)
        #expect(try Self.check { $0.add(name: "host", value: "AI.example:8443") }.count == Self.good.count + 1)
        #expect(
            try Self.check {
                $0.replaceOrAdd(name: ":method", value: "OPTIONS"); $0.replaceOrAdd(name: ":path", value: "*")
            }.count > 0)
    }

    @Test func aHostReplacesAMissingAuthority() throws {
        let headers = try Self.check {
            $0.remove(name: ":authority")
            $0.add(name: "host", value: "ai.example")
        }
        #expect(headers.first(name: ":authority") == "ai.example")
        #expect(headers.first { _ in true }?.name == ":authority", "pseudo-headers stand in front")
    }

    @Test(arguments: [
        (":method", ""), (":method", "PO ST"), (":method", "CONNECT"), (":path", ""), (":path", "*"),
        (":path", "http://other/"), (":path", "/a b"), (":path", "/\u{E9}"), (":scheme", "ftp"), (":authority", ""),
        (":authority", "a/b"), (":authority", "user@host"), ("host", "other"), ("x-name", " a"), ("x-name", "a\t"),
        ("x-name", "a\r\nb: c"), ("x-name", "a\0"), ("x-name", "\u{7F}"), ("content_length", "2"),
        ("transfer_encoding", "chunked"), ("content-length", "+2"), ("content-length", ""), ("content-length", "2, 2"),
    ])
    func oneInvalidValueInvalidatesAHead(name: String, value: String) {
        #expect(throws: StreamHead.Violation.malformed) {
            try Self.check { $0.replaceOrAdd(name: name, value: value) }
        }
    }

    @Test func aRepeatedLengthIsRefused() {
        #expect(throws: StreamHead.Violation.malformed) {
            try Self.check { $0.add(name: "content-length", value: "2") }
        }
    }

    @Test(arguments: ["content-type", "authorization", "x-request-id", "x-api-key", "origin", "expect"])
    func repeatedSingletonFieldsAreRefused(name: String) {
        #expect(throws: StreamHead.Violation.repeated(name)) {
            try Self.check {
                $0.replaceOrAdd(name: name, value: "a")
                $0.add(name: name, value: "a")
            }
        }
    }

    @Test func refusesContradictoryCredentials() throws {
        func head(_ fields: [(String, String)]) throws -> HPACKHeaders {
            try Self.check { for (name, value) in fields { $0.add(name: name, value: value) } }
        }
        #expect(throws: Never.self) { try head([("authorization", "Bearer a"), ("x-api-key", "a"), ("api-key", "")]) }
        #expect(throws: StreamHead.Violation.credentials(.openAI)) {
            try head([("authorization", "Bearer a"), ("x-api-key", "b")])
        }
        #expect(throws: StreamHead.Violation.credentials(.openAI)) { try head([("api-key", "a"), ("x-api-key", "b")]) }
        #expect(throws: StreamHead.Violation.credentials(.anthropic)) {
            try Self.check {
                $0.replaceOrAdd(name: ":path", value: "/v1/messages")
                $0.add(name: "api-key", value: "a")
                $0.add(name: "x-api-key", value: "b")
            }
        }
    }

    @Test func theSizeLimitMatchesHTTP1() throws {
        let size = Self.good.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        #expect(throws: Never.self) { try Self.check(maxSize: size) }
        #expect(throws: StreamHead.Violation.tooLarge) { try Self.check(maxSize: size - 1) }
    }

    @Test func trailersDoNotRouteOrFrame() {
        #expect(throws: Never.self) { try StreamHead.checkTrailers(["x-checksum": "1"]) }
        for name in ["content-length", "authorization", "host"] {
            #expect(throws: StreamHead.Violation.malformed) { try StreamHead.checkTrailers([name: "1"]) }
        }
    }
}
