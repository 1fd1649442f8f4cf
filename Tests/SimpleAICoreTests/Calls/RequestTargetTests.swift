import SimpleAICore
import Testing

@Suite struct RequestTargetTests {
    @Test(arguments: [
        "/v1/chat/completions", "//v1/chat/completions", "/v1//chat///completions", "/v1/chat/completions/",
        "/v1/v1/chat/completions", "/v1/v1/v1//chat/completions//", "/v1/chat/completions?a=b",
        "/v1/chat/completions/?",
        "/v1/chat/completions#x", "http://h/v1/chat/completions", "https://h:1//v1/v1/chat/completions?x#y",
        "/%76%31/chat/%63ompletions", "/v1/%76%31/chat/completions",
    ])
    func apiPathsAreNormalized(uri: String) {
        #expect(RequestTarget(uri).path == "/v1/chat/completions")
        #expect(!RequestTarget(uri).isAmbiguous)
    }

    @Test(arguments: [
        ("/v1", "/v1"), ("/v1/", "/v1"), ("//", "//"), ("/", "/"), ("", ""), ("*", "*"), ("http://h", "/"),
        ("http://h?x", "/"), ("/v1/models/a%2Fb%3a", "/v1/models/a%2Fb%3a"),
        ("/v1/models/%61%25%36%31", "/v1/models/a%2561"),
        ("/v1/models/a//b/", "/v1/models/a/b"), ("/v1/models/v1/x", "/v1/models/v1/x"), ("/V1/chat", "/V1/chat"),
        ("/v1%2Fmodels", "/v1%2Fmodels"), ("/v1/../admin", "/v1/../admin"), ("/v1/%2e%2e/admin", "/v1/../admin"),
        ("/v1/models/%zz", "/v1/models/%zz"), ("/v1/models/%", "/v1/models/%"), ("/health/", "/health"),
        ("//ready", "/ready"),
        // All other targets are unchanged.
        ("/api//chat/", "/api/chat"), ("//api/api/tags", "/api/tags"), ("/v1/api/chat", "/api/chat"),
        ("/v1/v1/v2/rerank", "/v2/rerank"), ("/rerank/", "/rerank"), ("/v2//rerank", "/v2/rerank"),
        ("/openai//deployments/m/x/", "/openai/deployments/m/x"), ("/api/v1/models", "/api/v1/models"),
        ("/v1/models/api", "/v1/models/api"), ("/api%2Fchat", "/api%2Fchat"),
        ("/admin", "/admin"), ("/admin/", "/admin/"), ("//admin", "//admin"), ("/%61dmin", "/%61dmin"),
        ("/metrics/", "/metrics/"), ("/ws//runners", "/ws//runners"), ("/x/../v1/models", "/x/../v1/models"),
        ("/v1x/", "/v1x/"),
    ])
    func readsPaths(_ uri: String, _ path: String) {
        #expect(RequestTarget(uri).path == path)
        #expect(RequestTarget(path).path == path, "a spelling is its own spelling")
    }

    @Test func aVersionMayBeRepeatedAnyNumberOfTimes() {
        let repeated = String(repeating: "/v1//", count: 20_000)
        #expect(RequestTarget(repeated + "models").path == "/v1/models")
        #expect(RequestTarget(repeated).path == "/v1")
        #expect(RequestTarget("/health/v1").path == "/health/v1")
    }

    @Test func theQueryIsKept() {
        #expect(RequestTarget("//v1//models/?a=b//c?d#e").uri == "/v1/models?a=b//c?d")
        #expect(RequestTarget("/admin?x#?").uri == "/admin?x")
        #expect(RequestTarget("/admin#?x").uri == "/admin")
    }

    @Test(arguments: ["/admin/", "//admin", "/admin//api", "/ws/runners/", "//"])
    func detectsAmbiguousPaths(uri: String) {
        #expect(RequestTarget(uri).isAmbiguous)
    }

    @Test(arguments: [
        ("/chat/completions", "/v1/chat/completions"), ("/models", "/v1/models"), ("/api/v1/models", "/v1/models"),
        ("/openai/v1/v1/chat/completions", "/v1/chat/completions"), ("/x//responses/", "/v1/responses"),
        ("/models/a%2Fb", "/v1/models/a%2Fb"),
    ])
    func suggestsCandidates(_ path: String, _ meant: String) {
        #expect(RequestTarget(path).candidates.contains(meant))
        #expect(!RequestTarget(meant).candidates.contains(meant))
    }

    @Test(
        arguments: [
            ("a", "a"), ("a%2Fb", "a/b"), ("a%2fb%3A", "a/b:"), ("%2541", "%41"), ("%C3%A9", "é"), ("+", "+"), ("", ""),
            ("%", nil), ("%4", nil), ("%zz", nil), ("%C3", nil), ("%00", "\0"),
        ] as [(String, String?)])
    func percentEncodingIsDecodedOnce(_ text: String, _ expected: String?) {
        #expect(PercentEncoding.decoded(text) == expected)
    }
}
