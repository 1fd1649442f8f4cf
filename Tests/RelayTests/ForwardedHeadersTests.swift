import NIOHTTP1
import SimpleAICore
import Testing

@testable import Relay

@Suite struct ForwardedHeadersTests {
    private func forwarded(_ headers: HTTPHeaders, apiKey: String? = nil, prefix: String = "") -> HTTPRequestHead {
        let upstream = Upstream(runner: "r", host: "10.0.0.5", port: 11434, pathPrefix: prefix, apiKey: apiKey)
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/v1/chat/completions?a=b", headers: headers)
        return ForwardedHeaders.request(
            from: head, path: "/v1/chat/completions", dialect: .openAI, to: upstream, bodyLength: 17, requestID: "req-1"
        )
    }

    @Test(arguments: [
        "Authorization", "authorization", "Cookie", "Proxy-Authorization", "Proxy-Anything", "X-SimpleAI-Runner",
        "x-simpleai-", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "X-Api-Key", "Api-Key",
        "X_Real_IP", "Content_Length", "openai_organization", "Origin", "Referer", "Sec-Fetch-Mode", "Sec-GPC",
        "Access-Control-Request-Method", "Access-Control-Request-Private-Network", "Accept-Language", "DNT", "Priority",
        "X-Forwarded-For", "X-Forwarded-Prefix", "Forwarded", "Via", "CF-Connecting-IP", "True-Client-IP", "X-Real-IP",
        "X-Amzn-Oidc-Data", "X-Goog-IAP-JWT-Assertion", "Remote-User", "X-Auth-Request-Email", "X-Original-URL",
        "X-HTTP-Method-Override", "OpenAI-Organization", "OpenAI-Project", "Content-Encoding", "Content-Language",
        "Range",
        "If-None-Match", "X-Stainless-OS", "X-Custom", "baggage",
    ])
    func isNotForwardedToTheRunner(name: String) {
        let head = forwarded([name: "secret"])
        #expect(head.headers[name].isEmpty)
        #expect(!head.headers.contains { $0.value.contains("secret") })
    }

    @Test func headersFromSettingsReplaceTheCallersHeaders() {
        let upstream = Upstream(
            runner: "r", host: "10.0.0.5", port: 11434,
            headers: [("Authorization", "Basic Zm9v"), ("X-Team", "ours"), ("Accept", "*/*")])
        let head = HTTPRequestHead(
            version: .http1_1, method: .POST, uri: "/v1/chat/completions",
            headers: ["authorization": "Bearer caller", "x-team": "theirs", "Accept": "text/plain"])
        let sent = ForwardedHeaders.request(
            from: head, path: "/v1/chat/completions", dialect: .openAI, to: upstream, bodyLength: 17,
            requestID: "req-1")
        #expect(sent.headers["authorization"] == ["Basic Zm9v"])
        #expect(sent.headers["x-team"] == ["ours"])
        #expect(sent.headers["accept"] == ["*/*"])
    }

    @Test(arguments: Dialect.allCases)
    func forwardsTraceContextAndDialectFields(dialect: Dialect) {
        let headers: HTTPHeaders = [
            "traceparent": "00-ab-cd-01", "TraceState": "x=y", "Content-Type": "application/json", "User-Agent": "test",
            "Accept": "text/event-stream", "OpenAI-Beta": "assistants=v2", "Idempotency-Key": "k",
        ]
        let head = forwarded(headers)
        for (name, value) in headers { #expect(head.headers[name] == [value]) }
    }

    @Test func dropsFieldsNamedByConnection() {
        let head = forwarded(["Connection": "X-Private, close , traceparent", "X-Private": "1", "traceparent": "00"])
        #expect(!head.headers.contains(name: "X-Private"))
        #expect(!head.headers.contains(name: "traceparent"))
        #expect(!head.headers.contains(name: "Connection"))
    }

    /// Whatever type the caller states, the body has been parsed as JSON in UTF-8.
    @Test(arguments: ["application/json; charset=utf-7", "application/vnd.api+json", "text/plain"])
    func contentTypeIsAlwaysJSON(type: String) {
        #expect(forwarded(["Content-Type": type]).headers["Content-Type"] == ["application/json"])
    }

    @Test(arguments: [1, 62, 63, 64, 65, 200])
    func namesOfEveryLengthAreFound(length: Int) {
        let name = String(repeating: "p", count: length)
        let names = FieldNames([name, "other"])
        #expect(names.contains(name) && names.contains(name.uppercased()))
        #expect(!names.contains(name + "p") && !names.contains(String(name.dropLast())))
    }

    @Test func sendsTheRunnersKeyInsteadOfTheCallersToken() {
        let head = forwarded(["Authorization": "Bearer caller", "Connection": "Authorization"], apiKey: "runner")
        #expect(head.headers["Authorization"] == ["Bearer runner"], "what `Connection` names must not strip our own")
    }

    @Test func setsFramingEncodingHostAndRequestID() {
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
        "x-simpleai-runner", "X-Request-Id", "Server", "X-Named", "Clear-Site-Data", "Strict-Transport-Security",
        "Alt-Svc", "Refresh", "Location", "Content-Location", "Proxy-Authenticate", "Authentication-Info", "Link",
        "Content-Security-Policy", "Content-Disposition", "Service-Worker-Allowed", "SourceMap", "Report-To", "NEL",
        "Reporting-Endpoints", "Set-Cookie2", "Public-Key-Pins", "Access-Control-Allow-Origin", "Timing-Allow-Origin",
        "Cross-Origin-Opener-Policy", "Origin-Agent-Cluster", "Permissions-Policy", "X-Frame-Options", "Cache-Control",
        "Expires", "Age", "ETag", "Vary", "Accept-Ranges", "Accept-CH", "Critical-CH", "Server-Timing", "Trailer",
        "X-RateLimit-Remaining-Requests", "X-Accel-Redirect", "X-Sendfile", "OpenAI-Organization", "X-Powered-By",
        "Warning", "P3P", "Content-Range",
    ])
    func isNotForwardedToTheCaller(name: String) {
        let head = HTTPResponseHead(
            version: .http1_1, status: .ok, headers: [name: "engine", "Connection": "x-named"])
        #expect(!ForwardedHeaders.response(from: head).contains(name: name))
    }

    @Test func forwardsListedResponseHeaders() {
        let head = HTTPResponseHead(
            version: .http1_1, status: .ok,
            headers: [
                "Content-Type": "application/json", "openai-processing-ms": "7", "Retry-After": "3",
                "x-should-retry": "false",
                "traceresponse": "00-ab-cd-01", "x-inference-time": "5",
            ])
        #expect(ForwardedHeaders.response(from: head) == head.headers)
    }
}
