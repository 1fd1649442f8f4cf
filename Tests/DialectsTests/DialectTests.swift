import SimpleAICore
import Testing

@testable import Dialects

/// What the data plane asks of a dialect.
@Suite struct DialectTests {
    private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    /// One row for each code: the status, and the error's type in Anthropic's form.
    @Test(arguments: GatewayError.Code.allCases)
    func everyErrorHasAFormInEveryDialect(code: GatewayError.Code) throws {
        let error = GatewayError(code, "words of the gateway")
        for dialect in Dialect.allCases {
            let response = dialect.response(to: error, status: error.status(), requestID: "req-1")
            #expect(response.status == error.status())
            let body = try #require(JSONSlice(document: response.body[...]))
            let failure = try #require(text(dialect.failure(error, status: error.status(), requestID: "req-1")))
            #expect(failure.contains("words of the gateway"))
            switch dialect {
            case .openAI:
                #expect(body["error"]?["code"]?.string == code.rawValue)
                #expect(failure.hasPrefix("data: {") && failure.hasSuffix("}\n\n"))
            case .anthropic:
                #expect(body["type"]?.string == "error" && body["request_id"]?.string == "req-1")
                #expect(body["error"]?["message"]?.string == "words of the gateway")
                #expect(failure.hasPrefix("event: error\ndata: {") && failure.hasSuffix("}\n\n"))
            case .ollama:
                #expect(body.memberNames == ["error"] && body["error"]?.string == "words of the gateway")
                #expect(failure.hasSuffix("}\n"))
            }
        }
    }

    @Test func theEnginesWordsAreKept() throws {
        let engine = EngineError(Array(#"{"detail":"no such voice"}"#.utf8)[...])
        let standard = ErrorBody(message: "m", type: "t", param: nil, code: "c")
        for dialect in Dialect.allCases {
            let response = try #require(
                dialect.response(toEngine: engine, standard: standard, status: 422, requestID: "r"))
            #expect(response.status == 422)
            #expect(try #require(text(response.body)).contains("no such voice"))
            let silent = try #require(dialect.response(toEngine: nil, standard: standard, status: 500, requestID: "r"))
            #expect(try #require(text(silent.body)).contains("\"m\""))
            let quoting = GatewayError(.upstreamError, "x", engine: engine)
            #expect(
                try #require(text(dialect.response(to: quoting, status: 502, requestID: "r").body)).contains(
                    "no such voice"))
        }
        let complete = EngineError(
            Array(#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#.utf8)[...])
        #expect(Dialect.openAI.response(toEngine: complete, standard: standard, status: 400, requestID: "r") == nil)
        #expect(Dialect.ollama.response(toEngine: complete, standard: standard, status: 400, requestID: "r") != nil)
    }

    @Test func streams() throws {
        #expect(
            Dialect.allCases.map(\.streamMediaType) == [
                "text/event-stream", "text/event-stream", "application/x-ndjson",
            ])
        #expect(text(Dialect.openAI.comment("a\nb")) == ": a\\nb\n\n")
        #expect(Dialect.anthropic.comment("a") == nil && Dialect.ollama.comment("a") == nil)
        #expect(Dialect.allCases.map(\.requestIDField) == [nil, "request-id", nil])
        #expect(text(Endpoint.chatCompletions.keepalive(model: "m", created: "t")) == ": waiting\n\n")
        #expect(
            text(Endpoint.messages.keepalive(model: "m", created: "t")) == "event: ping\ndata: {\"type\":\"ping\"}\n\n")
        for (endpoint, member) in [(Endpoint.ollamaChat, "message"), (.ollamaGenerate, "response")] {
            let line = try #require(text(endpoint.keepalive(model: "m", created: "t")))
            #expect(line.hasSuffix("\n"))
            let json = try #require(JSONSlice(document: Array(line.utf8)[...]))
            #expect(json["done"].map { String(decoding: $0.bytes, as: UTF8.self) } == "false")
            #expect(json[member] != nil && json["model"]?.string == "m" && json["created_at"]?.string == "t")
        }
    }

    @Test(arguments: [
        (Endpoint.ollamaChat, #"{"choices":[]}"#, true), (.ollamaChat, #"{"message":{},"done":true}"#, false),
        (.ollamaEmbed, #"{"data":[]}"#, true), (.chatCompletions, #"{"choices":[]}"#, false),
        (.ollamaChat, "x", false), (.messages, #"{"id":"m","type":"message","content":[]}"#, false),
        (.messages, #"{"object":"chat.completion","choices":[]}"#, true), (.messages, "{}", true),
        (.messages, #"{"type":"chat.completion"}"#, true), (.messages, "x", false),
        (.countTokens, #"{"input_tokens":5}"#, false),
    ])
    func resultsOfOtherAPIsAreRecognized(_ endpoint: Endpoint, _ document: String, _ isForeign: Bool) {
        #expect(endpoint.isForeign(document: Array(document.utf8)[...]) == isForeign)
    }

    @Test(
        arguments: [
            (.openAI, #"{"usage":{"prompt_tokens":1}}"#, nil),
            (.anthropic, #"{"usage":{"input_tokens":1,"cache_read_input_tokens":4,"output_tokens":2}}"#, [5, 2, 4]),
            (.ollama, #"{"prompt_eval_count":3,"eval_count":2}"#, [3, 2, 0]), (.ollama, #"{"done":true}"#, nil),
            (.ollama, "x", nil),
        ] as [(Dialect, String, [Int]?)])
    func usage(_ dialect: Dialect, _ document: String, _ expected: [Int]?) {
        let usage = dialect.usage(ofDocument: Array(document.utf8)[...])
        #expect(usage.map { [$0.prompt, $0.completion, $0.cached] } == expected)
    }

    // MARK: Requests

    private func request(_ endpoint: Endpoint, _ body: String) throws -> DialectRequest? {
        try DialectRequest(endpoint, Array(body.utf8)[...])
    }

    @Test func onlyOtherDialectsAreRead() throws {
        for endpoint in Endpoint.allCases where endpoint.dialect == .openAI {
            #expect(try request(endpoint, "no JSON") == nil)
        }
        for endpoint in Endpoint.allCases where endpoint.dialect != .openAI {
            #expect(throws: GatewayError.self) { try request(endpoint, "no JSON") }
        }
    }

    @Test(
        arguments: [
            (.messages, #"{"messages":[{"role":"user","content":"x"}],"max_tokens":1}"#, .chatCompletions),
            (.ollamaChat, #"{"messages":[{"role":"user","content":"x"}]}"#, .chatCompletions),
            (.ollamaGenerate, #"{"prompt":"x"}"#, .chatCompletions),
            (.ollamaGenerate, #"{"prompt":"x","raw":true}"#, .completions),
            (.ollamaEmbed, #"{"input":"x"}"#, .embeddings), (.ollamaEmbeddings, #"{"prompt":"x"}"#, .embeddings),
        ] as [(Endpoint, String, Endpoint)])
    func translations(_ endpoint: Endpoint, _ body: String, _ target: Endpoint) throws {
        let translated = try #require(try request(endpoint, body)).translated()
        #expect(translated.endpoint == target)
        #expect(JSONSlice(document: translated.body[...])?.isObject ?? false)
    }

    @Test func responsesWithoutAnEngine() throws {
        let unload = try #require(try request(.ollamaGenerate, #"{"model":"m","keep_alive":0}"#))
        #expect(text(unload.responseWithoutRunner(model: "m", created: "t"))?.contains("unload") ?? false)
        #expect(unload.responseWithoutEngine(model: "m", created: "t") == nil)
        let load = try #require(try request(.ollamaChat, #"{"model":"m"}"#))
        #expect(text(load.responseWithoutEngine(model: "m", created: "t"))?.contains("\"load\"") ?? false)
        #expect(load.responseWithoutRunner(model: "m", created: "t") == nil)
        let body = #"{"messages":[{"role":"user","content":"x"}],"max_tokens":7,"metadata":{"user_id":"u"}}"#
        let messages = try #require(try request(.messages, body))
        #expect(messages.maxTokens == 7 && messages.user == "u")
        #expect(messages.tokenCount(of: .messages) == nil)
        #expect(text(messages.tokenCount(of: .countTokens))?.hasPrefix("{\"input_tokens\":") ?? false)
    }
}
