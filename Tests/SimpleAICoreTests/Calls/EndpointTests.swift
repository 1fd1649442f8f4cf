import SimpleAICore
import Testing

@Suite struct EndpointTests {
    /// The whole table: path, dialect, body, result, required field, translation, name in settings.
    @Test(
        arguments: [
            ("/v1/chat/completions", .openAI, .json, .events, "messages", nil, "chat/completions"),
            ("/v1/completions", .openAI, .json, .events, "prompt", nil, "completions"),
            ("/v1/embeddings", .openAI, .json, .document, "input", nil, "embeddings"),
            ("/v1/responses", .openAI, .json, .events, "input", nil, "responses"),
            ("/v1/rerank", .openAI, .json, .document, "query", nil, "rerank"),
            ("/v2/rerank", .openAI, .json, .document, "query", nil, "rerank"),
            ("/rerank", .openAI, .json, .document, "query", nil, "rerank"),
            ("/v1/audio/speech", .openAI, .json, .media, "input", nil, "audio/speech"),
            ("/v1/audio/transcriptions", .openAI, .multipart, .media, nil, nil, "audio/transcriptions"),
            ("/v1/audio/translations", .openAI, .multipart, .media, nil, nil, "audio/translations"),
            ("/v1/images/generations", .openAI, .json, .media, "prompt", nil, "images/generations"),
            ("/v1/images/edits", .openAI, .either, .media, nil, nil, "images/edits"),
            ("/v1/images/variations", .openAI, .multipart, .media, nil, nil, "images/variations"),
            ("/v1/messages", .anthropic, .json, .events, "messages", .chatCompletions, "messages"),
            ("/v1/messages/count_tokens", .anthropic, .json, .document, "messages", nil, "messages/count_tokens"),
            ("/api/chat", .ollama, .json, .lines, nil, .chatCompletions, "api/chat"),
            ("/api/generate", .ollama, .json, .lines, nil, .chatCompletions, "api/generate"),
            ("/api/embed", .ollama, .json, .document, "input", .embeddings, "api/embed"),
            ("/api/embeddings", .ollama, .json, .document, "prompt", .embeddings, "api/embeddings"),
        ] as [(String, Dialect, Endpoint.BodyKind, Endpoint.ResultKind, String?, Endpoint?, String)])
    func traits(
        _ path: String, _ dialect: Dialect, _ body: Endpoint.BodyKind, _ result: Endpoint.ResultKind,
        _ requiredField: String?, _ translation: Endpoint?, _ name: String
    ) throws {
        let endpoint = try #require(Endpoint(rawValue: path))
        #expect(endpoint.path == path)
        #expect(endpoint.dialect == dialect)
        #expect(endpoint.bodyKind == body)
        #expect(endpoint.resultKind == result)
        #expect(endpoint.requiredField == requiredField)
        #expect(endpoint.translation == translation)
        #expect(endpoint.name == name)
        #expect(endpoint.streamsByDefault == (result == .lines))
        #expect(Endpoint(written: name)?.name == name)
        #expect(Endpoint(written: "/\(path)/")?.name == name)
    }

    @Test func everyEndpointHasABitOfItsOwn() {
        #expect(Endpoint.allCases.count == 19)
        #expect(Set(Endpoint.allCases.map(\.bit)).count == Endpoint.allCases.count)
        #expect(Endpoint.allCases.allSatisfy { $0.bit.nonzeroBitCount == 1 })
    }

    @Test func namesOfSettingsAreUnique() {
        #expect(Endpoint.names.count == Endpoint.allCases.count - 2, "three spellings of rerank share a name")
        #expect(Set(Endpoint.names).count == Endpoint.names.count)
    }

    @Test func onlyChatAndCompletionsHaveTheUsageOption() {
        #expect(Endpoint.allCases.filter(\.supportsStreamUsage) == [.chatCompletions, .completions])
    }

    @Test(arguments: ["", "chat", "v1/chat/completions?x", "rerank/x", "../v1/messages", "api/tags"])
    func otherNamesAreNone(_ text: String) {
        #expect(Endpoint(written: text) == nil)
    }
}

@Suite struct InferencePathTests {
    @Test(
        arguments: [
            ("/v1/chat/completions", .chatCompletions, nil), ("//v1//chat/completions/?x=1", .chatCompletions, nil),
            ("/v1/messages?beta=true", .messages, nil), ("/v1/v1/messages/count_tokens/", .countTokens, nil),
            ("/api/chat/", .ollamaChat, nil), ("//api//generate?x", .ollamaGenerate, nil),
            ("/api/api/embed", .ollamaEmbed, nil), ("/v1/api/chat", .ollamaChat, nil),
            ("/rerank/", .rerankUnversioned, nil), ("/v1/v2/rerank", .rerankV2, nil), ("/v2/v2/rerank", .rerankV2, nil),
            ("/openai/deployments/gpt/chat/completions?api-version=2024-10-21", .chatCompletions, "gpt"),
            ("/openai//deployments/a%2Fb%3A1/embeddings/", .embeddings, "a/b:1"),
            ("/openai/deployments/class:fast/images/generations", .imageGenerations, "class:fast"),
        ] as [(String, Endpoint, String?)])
    func readsPaths(_ uri: String, _ endpoint: Endpoint, _ model: String?) {
        let path = InferencePath(uri)
        #expect(path?.endpoint == endpoint)
        #expect(path?.model == model)
    }

    @Test(arguments: [
        "/", "/v1", "/v1/models", "/api", "/api/tags", "/chat/completions", "/openai/deployments",
        "/openai/deployments/",
        "/openai/deployments/m", "/openai/deployments/m/", "/openai/deployments//chat",
        "/openai/deployments/%/chat/completions", "/openai/deployments/%ff/chat/completions",
        "/openai/deployments/m/messages", "/openai/deployments/m/x/chat/completions", "/openai/deployments/m/rerank/x",
        "/v1%2Fmessages", "/v1/../v1/messages", "/V1/messages", "/rerankx",
    ])
    func otherPathsAreNone(_ uri: String) {
        #expect(InferencePath(uri) == nil)
    }
}
