import SimpleAICore
import Testing

/// Every error message from an engine reaches its caller, whatever its shape.
@Suite struct EngineErrorTests {
    private func read(_ body: String) -> EngineError { EngineError(ArraySlice(body.utf8)) }

    @Test(
        arguments: [
            // OpenAI, llama.cpp, Ollama, LocalAI.
            (#"{"error":{"message":"boom","type":"t","param":null,"code":"c"}}"#, "boom"),
            (#"{"error":{"code":400,"message":"boom","type":"invalid_request_error"}}"#, "boom"),
            // llama.cpp's older servers, TGI, llama-swap, LM Studio.
            (#"{"error":"boom"}"#, "boom"), (#"{"error":"boom","error_type":"validation"}"#, "boom"),
            // vLLM, FastChat.
            (#"{"object":"error","message":"boom","type":"BadRequestError","param":null,"code":400}"#, "boom"),
            // FastAPI.
            (#"{"detail":"boom"}"#, "boom"),
            (
                #"{"detail":[{"loc":["body","temperature"],"msg":"boom","type":"value_error"}]}"#,
                "body.temperature: boom"
            ),
            (#"{"detail":[{"msg":"one"},{"msg":"two"}]}"#, "one; two"), (#"{"detail":{"message":"boom"}}"#, "boom"),
            // Mistral.
            (#"{"object":"error","message":{"detail":[{"loc":["body","x"],"msg":"boom"}]}}"#, "body.x: boom"),
            (#"{"message":"boom"}"#, "boom"), (#"{"msg":"boom"}"#, "boom"), (#"{"errors":["a","b"]}"#, "a; b"),
            (#"[{"error":{"code":400,"message":"boom","status":"INVALID_ARGUMENT"}}]"#, "boom"),
            // NestJS, Spring, RFC 9457.
            (#"{"statusCode":400,"error":"Bad Request","message":"boom"}"#, "Bad Request: boom"),
            (#"{"statusCode":400,"message":["a","b"],"error":"Bad Request"}"#, "Bad Request: a; b"),
            (#"{"type":"about:blank","title":"Bad","detail":"boom"}"#, "boom"), (#"{"title":"Bad"}"#, "Bad"),
            (#""boom""#, "boom"), ("boom", "boom"), ("  boom\r\n", "boom"), ("{\"error\": boom", "{\"error\": boom"),
            ("\u{FEFF}{\"error\":\"boom\"}", "boom"), (#"{"error":{"message":"boom","p":-Infinity}}"#, "boom"),
            // Event streams.
            ("data: {\"error\":{\"message\":\"boom\"}}\n\ndata: [DONE]\n\n", "boom"),
            ("event: error\ndata: {\"detail\":\"boom\"}\n\n", "boom"), ("error: {\"message\":\"boom\"}\n\n", "boom"),
            // Proxies.
            (
                "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center>"
                    + "<hr><center>nginx</center></body></html>", "502 Bad Gateway nginx"
            ),
            ("<!DOCTYPE html><title>Oops</title><style>p{}</style><p>a &lt;b&gt; &amp; c</p>", "Oops: a <b> & c"),
            ("<pre>Cannot POST /v1/responses</pre>", "Cannot POST /v1/responses"),
        ] as [(String, String)])
    func findsTheMessage(_ body: String, _ message: String) {
        #expect(read(body).message == message)
    }

    @Test(arguments: [
        "", " \r\n", "{}", "[]", "null", "7", #"{"error":null}"#, #"{"error":{}}"#, #"{"error":""}"#, "<p></p>",
    ])
    func emptyErrorsHaveNoMessage(body: String) {
        #expect(read(body).message == nil)
    }

    @Test func typeParameterAndCodeAreKept() {
        var error = read(#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#)
        #expect([error.type, error.param, error.code] == ["t", "p", "c"] && error.status == nil && error.isComplete)
        error = read(#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":422}"#)
        #expect(error.type == "BadRequestError" && error.code == "422" && error.status == 422 && !error.isComplete)
        error = read(#"{"detail":[{"loc":["body","temperature"],"msg":"m","type":"value_error"}]}"#)
        #expect(error.param == "temperature")
        error = read(#"{"error":"m","error_type":"overloaded"}"#)
        #expect(error.type == "overloaded")
    }

    /// An error that SDKs can read passes unchanged; one that lacks a key does not.
    @Test(arguments: [
        (#"{"error":{"message":"m","type":null,"param":null,"code":null},"own":1}"#, true),
        (#"{"error":{"message":"m","type":"t","code":null}}"#, false),
        (#"{"error":{"message":"","type":"t","param":null,"code":null}}"#, false),
    ])
    func recognisesCompleteObjects(_ body: String, _ isComplete: Bool) {
        #expect(read(body).isComplete == isComplete)
    }

    @Test func messagesAreReadableAndBounded() throws {
        #expect(read(#"{"error":"a\u0000\u001b[31mb\u202Ec\u2028d\te"}"#).message == "a  [31mbc\nd\te")
        let long = try #require(read("{\"error\":\"\(String(repeating: "é", count: 9000))\"}").message)
        #expect(long.utf8.count <= EngineText.maxLength + 3 && long.hasSuffix("é…"))
        let many = "{\"errors\":[\(Array(repeating: "\"x\"", count: 5000).joined(separator: ","))]}"
        #expect(try #require(read(many).message).utf8.count < 100)
        let deep = String(repeating: "{\"error\":", count: 400) + "\"x\"" + String(repeating: "}", count: 400)
        #expect(read(deep).message == nil)
    }

    @Test func detectsAnErrorInABody() {
        func isStated(_ body: String) -> Bool {
            let json = JSONSlice(document: ArraySlice(body.utf8))
            return EngineError.isStated(error: json?["error"], object: json?["object"])
        }
        for body in [#"{"error":"x"}"#, #"{"error":{"code":1}}"#, #"{"error":true}"#, #"{"object":"error"}"#] {
            #expect(isStated(body), "\(body)")
        }
        for body in [
            #"{"error":null}"#, #"{"error":""}"#, #"{"error":{}}"#, #"{"error":false}"#, #"{"error":0}"#, "{}",
        ] {
            #expect(!isStated(body), "\(body)")
        }
    }
}

@Suite struct EventStreamStartTests {
    @Test(
        arguments: [
            ("data: x", .eventStream), ("data:{", .eventStream), ("event: a\ndata: b", .eventStream),
            (": hello", .eventStream), ("id: 1", .eventStream), ("retry: 1", .eventStream),
            ("\n\r\ndata: x", .eventStream),
            ("\u{FEFF}data: x", .eventStream), ("error: {", .eventStream), ("data\n", .eventStream), ("", .undecided),
            ("d", .undecided), ("dat", .undecided), ("data", .undecided), ("\n", .undecided), ("{", .other),
            ("date", .other), ("[", .other), (" data: x", .other), ("database", .other), ("<html>", .other),
            ("Internal error", .other),
        ] as [(String, EventStreamStart.Detection)])
    func recognisesStreamPrefixes(_ text: String, _ verdict: EventStreamStart.Detection) {
        #expect(EventStreamStart.detect(in: ArraySlice(text.utf8)) == verdict)
    }

    /// A byte order mark may arrive in pieces.
    @Test func aPartialByteOrderMarkIsUndecided() {
        #expect(EventStreamStart.detect(in: [0xEF]) == .undecided)
        #expect(EventStreamStart.detect(in: [0xEF, 0xBB]) == .undecided)
        #expect(EventStreamStart.detect(in: [0xEF, 0xBB, 0xBF]) == .undecided)
        #expect(EventStreamStart.detect(in: [0xEF, 0x20]) == .other)
    }
}
