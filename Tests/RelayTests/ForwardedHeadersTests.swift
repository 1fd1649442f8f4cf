import NIOHTTP1
import SimpleAICore
import Testing

@testable import Relay

@Suite struct ForwardedHeadersTests {
    private func forwarded(_ headers: HTTPHeaders, apiKey: String? = nil, prefix: String = "") -> HTTPRequestHead {
        let upstream = Upstream(runner: "r", host: "10.0.0.5", port: 11434, pathPrefix: prefix, apiKey: apiKey)
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/v1/chat/completions?a=b", headers: headers)
        return ForwardedHeaders.request(
            from: head, path: "/v1/chat/completions", to: upstream, bodyLength: 17, requestID: "req-1")
    }

    @Test(arguments: [
        "Authorization", "authorization", "Cookie", "Proxy-Authorization", "Proxy-Anything", "X-SimpleAI-Runner",
        "x-simpleai-", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "X-Api-Key", "Api-Key",
        "X_Real_IP", "Content_Length", "openai_organization",
    ])
    func neverReachesARunner(name: String) {
        let head = forwarded([name: "secret"])
        #expect(head.headers[name].isEmpty)
        #expect(!head.headers.contains { $0.value.contains("secret") })
    }

    @Test func traceContextAndOrdinaryHeadersPass() {
        let headers: HTTPHeaders = [
            "traceparent": "00-ab-cd-01", "tracestate": "x=y", "Content-Type": "application/json",
            "OpenAI-Organization": "org", "User-Agent": "test",
        ]
        let head = forwarded(headers)
        for (name, value) in headers { #expect(head.headers[name] == [value]) }
    }

    @Test func whatConnectionNamesStaysHere() {
        let head = forwarded(["Connection": "X-Private, close , traceparent", "X-Private": "1", "traceparent": "00"])
        #expect(!head.headers.contains(name: "X-Private"))
        #expect(!head.headers.contains(name: "traceparent"))
        #expect(!head.headers.contains(name: "Connection"))
    }

    @Test(arguments: [1, 62, 63, 64, 65, 200])
    func whatConnectionNamesStaysHereHoweverLongItsName(length: Int) {
        let name = String(repeating: "p", count: length)
        let other = String(repeating: "p", count: length + 1)
        let head = forwarded(["Connection": name, name.uppercased(): "1", other: "2"])
        #expect(!head.headers.contains(name: name))
        #expect(head.headers[other] == ["2"])
    }

    @Test func theRunnersKeyIsSentInsteadOfTheCallersToken() {
        let head = forwarded(["Authorization": "Bearer caller", "Connection": "Authorization"], apiKey: "runner")
        #expect(head.headers["Authorization"] == ["Bearer runner"], "what `Connection` names must not strip our own")
    }

    @Test func framingEncodingHostAndIdAreOurs() {
        let head = forwarded(
            [
                "Host": "gateway", "Content-Length": "99", "Transfer-Encoding": "chunked", "Accept-Encoding": "gzip",
                "X-Request-Id": "theirs",
            ], prefix: "/engine")
        #expect(head.method == .POST)
        #expect(head.uri == "/engine/v1/chat/completions")
        #expect(head.headers["Host"] == ["10.0.0.5:11434"])
        #expect(head.headers["Content-Length"] == ["17"])
        #expect(head.headers["Accept-Encoding"] == ["identity"])
        #expect(head.headers["X-Request-Id"] == ["req-1"])
        #expect(!head.headers.contains(name: "Transfer-Encoding"))
    }

    @Test(arguments: [("::1", 80, "[::1]"), ("::1", 8080, "[::1]:8080"), ("engine", 80, "engine"), ("e", 443, "e:443")])
    func theHostHeaderNamesTheEngine(host: String, port: Int, expected: String) {
        #expect(Upstream(runner: "r", host: host, port: port).authority == expected)
    }

    @Test(arguments: [
        "WWW-Authenticate", "Set-Cookie", "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Upgrade",
        "x-simpleai-runner", "X-Request-Id", "Server", "X-Named",
    ])
    func neverReachesTheCaller(name: String) {
        let head = HTTPResponseHead(
            version: .http1_1, status: .ok, headers: [name: "engine", "Connection": "x-named"])
        #expect(!ForwardedHeaders.response(from: head).contains(name: name))
    }

    @Test func theEnginesOwnHeadersReachTheCaller() {
        let head = HTTPResponseHead(
            version: .http1_1, status: .ok, headers: ["Content-Type": "application/json", "openai-processing-ms": "7"])
        #expect(ForwardedHeaders.response(from: head) == head.headers)
    }
}
