import Dialects
import SimpleAICore
import Testing

@Suite struct AnthropicErrorTests {
    static let types: [(code: GatewayError.Code, status: Int, type: String)] = [
        (.invalidJSON, 400, "invalid_request_error"), (.invalidRequest, 400, "invalid_request_error"),
        (.invalidAPIKey, 401, "authentication_error"), (.permissionDenied, 403, "permission_error"),
        (.permissionDenied, 400, "permission_error"), (.modelNotFound, 404, "not_found_error"),
        (.notFound, 404, "not_found_error"), (.methodNotAllowed, 405, "invalid_request_error"),
        (.requestTimeout, 408, "invalid_request_error"), (.requestTooLarge, 413, "request_too_large"),
        (.unsupportedMediaType, 415, "invalid_request_error"), (.headersTooLarge, 431, "invalid_request_error"),
        (.rateLimitExceeded, 429, "rate_limit_error"), (.upstreamError, 502, "api_error"),
        (.upstreamError, 400, "invalid_request_error"), (.upstreamError, 429, "rate_limit_error"),
        (.upstreamError, 529, "overloaded_error"), (.internalError, 500, "api_error"),
        (.noRunnerAvailable, 503, "overloaded_error"), (.queueFull, 503, "overloaded_error"),
        (.wakeFailed, 503, "overloaded_error"), (.keysUnavailable, 503, "overloaded_error"),
        (.shuttingDown, 503, "overloaded_error"), (.wakeTimeout, 504, "timeout_error"),
        (.upstreamTimeout, 504, "timeout_error"), (.endpointNotSupported, 501, "api_error"),
    ]

    @Test func everyCodeHasAType() {
        #expect(Set(Self.types.map(\.code)) == Set(GatewayError.Code.allCases))
    }

    @Test(arguments: types.indices)
    func writesErrors(_ index: Int) throws {
        let (code, status, type) = Self.types[index]
        let error = GatewayError(code, "Something \"is\" wrong.")
        let response = AnthropicMessages.response(to: error, status: status, requestID: "req-1")
        #expect(response.status == status)
        let expected = try value(
            #"{"type":"error","error":{"type":"\#(type)","message":"Something \"is\" wrong."},"request_id":"req-1"}"#
                .utf8)
        #expect(try value(response.body) == expected)
        #expect(try events(AnthropicMessages.event(of: error, status: status, requestID: "req-1")) == [expected])
    }

    @Test func quotesTheEngine() {
        let engine = EngineError(Array(#"{"error":{"message":"unknown grammar","type":"server_error"}}"#.utf8)[...])
        let error = GatewayError(.upstreamError, "The engine failed.", engine: engine)
        #expect(AnthropicError(error, status: 500).message == "unknown grammar")
        #expect(AnthropicError(engine, status: 404, standard: "x").type == "not_found_error")
        #expect(
            AnthropicError(EngineError(), status: 500, standard: "The engine failed.").message == "The engine failed.")
        let body = ErrorBody(
            message: "Unknown model.", type: "invalid_request_error", param: nil, code: "model_not_found")
        #expect(AnthropicError(body, status: 404).message == "Unknown model.")
    }

    /// The error of an engine's stream, and the type in the event that ends the client's.
    @Test(arguments: [
        (#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, "overloaded_error"),
        (#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#, "rate_limit_error"),
        (#"{"type":"error","error":{"type":"timeout_error","message":"m"}}"#, "timeout_error"),
        (#"{"type":"overloaded_error","message":"m"}"#, "overloaded_error"),
        (#"{"error":{"message":"m","type":"server_error","code":503}}"#, "overloaded_error"),
        (#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#, "rate_limit_error"),
        (#"{"error":{"message":"m","status":429}}"#, "rate_limit_error"),
        (#"{"error":{"message":"m","type":"server_error"}}"#, "api_error"),
        // Statements about the gateway's own credentials.
        (#"{"type":"error","error":{"type":"authentication_error","message":"m"}}"#, "api_error"),
        (#"{"type":"error","error":{"type":"billing_error","message":"m"}}"#, "api_error"),
        (#"{"error":{"message":"m","code":401}}"#, "api_error"),
    ])
    func streamsKeepTheTypeOfTheEngine(_ stated: String, _ type: String) throws {
        let error = GatewayError(.upstreamError, "x", engine: EngineError(Array(stated.utf8)[...]))
        let event = try events(Dialect.anthropic.failure(error, status: 502, requestID: "r")).first?.object
        #expect(event?["error"]?.object?["type"]?.string == type)
        #expect(event?["error"]?.object?["message"]?.string == "m")
        // A response has a status, and a type that belongs to it.
        #expect(AnthropicError(error, status: 502).type == "api_error")
    }

    @Test(arguments: [
        (500, "overloaded_error", "overloaded_error"), (500, "server_error", "api_error"),
        (400, "rate_limit_error", "rate_limit_error"), (422, "Bad Request", "invalid_request_error"),
        (429, "api_error", "rate_limit_error"), (400, "authentication_error", "invalid_request_error"),
    ])
    func responsesKeepTheTypeOfTheEngine(_ status: Int, _ stated: String, _ type: String) {
        let body = #"{"type":"error","error":{"type":"\#(stated)","message":"m"}}"#
        let error = AnthropicError(EngineError(Array(body.utf8)[...]), status: status, standard: "x")
        #expect(error.type == type && error.status == status)
    }

    // MARK: Context length

    /// What engines answer to prompts that are too long, and the beginning of the message for the client.
    static let wordings: [(engine: String, message: String)] = [
        // llama.cpp, three generations
        (
            #"{"error":{"code":500,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"exceed_context_size_error","n_prompt_tokens":1407,"n_ctx":256}}"#,
            "prompt is too long: the request exceeds"
        ),
        (
            #"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":1407,"n_ctx":256}}"#,
            "prompt is too long: the request exceeds"
        ),
        (
            #"{"error":{"code":400,"message":"request (1407 tokens) exceeds the available context size (256 tokens), try increasing it","type":"exceed_context_size_error"}}"#,
            "prompt is too long: 1407 tokens > 256 maximum. request (1407 tokens)"
        ),
        (
            #"{"detail":"Requested tokens (2285) exceed context window of 2048"}"#,
            "prompt is too long: 2285 tokens > 2048 maximum. "
        ),
        // vLLM
        (
            #"{"object":"error","message":"This model's maximum context length is 16384 tokens. However, you requested 122946 tokens (112946 in the messages, 10000 in the completion). Please reduce the length of the messages or completion.","type":"BadRequestError","param":null,"code":400}"#,
            "prompt is too long: 112946 tokens > 16384 maximum. This model's"
        ),
        (
            #"{"object":"error","message":"This model's maximum context length is 16384 tokens. However, you requested 19591 tokens (9591 in the messages, 10000 in the completion). Please reduce the length of the messages or completion.","type":"BadRequestError","param":null,"code":400}"#,
            "prompt is too long: input length and `max_tokens` exceed context limit: 9591 + 10000 > 16384. This model's"
        ),
        (
            #"{"error":{"message":"'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 8192 tokens and your request has 300 input tokens (32000 > 8192 - 300).","type":"BadRequestError","param":null,"code":400}}"#,
            "prompt is too long: input length and `max_tokens` exceed context limit: 300 + 32000 > 8192. 'max_tokens'"
        ),
        // The count is a lower bound, so it is not repeated.
        (
            #"{"error":{"message":"This model's maximum context length is 128000 tokens. However, you requested 65535 output tokens and your prompt contains at least 62466 input tokens, for a total of at least 128001 tokens.","type":"BadRequestError","param":null,"code":400}}"#,
            "prompt is too long: This model's"
        ),
        (
            #"{"error":{"message":"You passed 9000 input tokens and requested 1000 output tokens. However, the model's context length is only 8192 tokens, resulting in a maximum input length of 7192 tokens.","type":"BadRequestError","param":"input_tokens","code":400}}"#,
            "prompt is too long: 9000 tokens > 8192 maximum. You passed"
        ),
        (
            #"{"object":"error","message":"The decoder prompt (length 21535) is longer than the maximum model length of 16384. Make sure that `max_model_len` is no smaller than the number of text tokens.","type":"BadRequestError","param":null,"code":400}"#,
            "prompt is too long: 21535 tokens > 16384 maximum. The decoder"
        ),
        (
            #"{"object":"error","message":"The prompt (total length 25938) is too long to fit into the model (context length 4096).","type":"BadRequestError","param":null,"code":400}"#,
            "prompt is too long: 25938 tokens > 4096 maximum. The prompt"
        ),
        (
            #"{"object":"error","message":"max_tokens must be at least 1, got -186.","type":"BadRequestError","param":null,"code":400}"#,
            "prompt is too long: max_tokens must be"
        ),
        (
            #"{"error":"Input prompt (35247 tokens) is too long and exceeds limit of 1000"}"#,
            "prompt is too long: 35247 tokens > 1000 maximum. "
        ),
        // SGLang
        (
            #"{"object":"error","message":"The input (61709 tokens) is longer than the model's context length (40960 tokens).","type":"BadRequestError","param":null,"code":400}"#,
            "prompt is too long: 61709 tokens > 40960 maximum. The input"
        ),
        (
            #"{"object":"error","type":"BadRequestError","message":"Requested token count exceeds the model's maximum context length of 262144 tokens. You requested a total of 262462 tokens: 230462 tokens from the input messages and 32000 tokens for the completion. Please reduce the number of tokens."}"#,
            "prompt is too long: input length and `max_tokens` exceed context limit: 230462 + 32000 > 262144. Requested"
        ),
        (
            #"{"error":"Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens)."}"#,
            "prompt is too long: 160062 tokens > 59862 maximum. Input"
        ),
        // Ollama
        (#"{"error":"the input length exceeds the context length"}"#, "prompt is too long: the input length"),
        (
            #"{"error":{"message":"input length exceeds maximum context length","type":"invalid_request_error"}}"#,
            "prompt is too long: input"
        ),
        (
            #"{"error":"prompt too long; exceeded max context length by 12 tokens"}"#,
            "prompt is too long: prompt too long;"
        ),
        // TGI
        (
            #"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 1887 `inputs` tokens and 1024 `max_new_tokens`","error_type":"validation"}"#,
            "prompt is too long: input length and `max_tokens` exceed context limit: 1887 + 1024 > 2048. Input"
        ),
        (
            #"{"error":"Input validation error: `inputs` must have less than 512 tokens. Given: 1500","error_type":"validation"}"#,
            "prompt is too long: 1500 tokens > 512 maximum. Input"
        ),
        // OpenAI
        (
            #"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            "prompt is too long: 9000 tokens > 8192 maximum. This"
        ),
        (
            #"{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}"#,
            "prompt is too long: Your input"
        ),
        (
            #"{"error":{"message":"Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            "prompt is too long: Input tokens"
        ),
        (
            #"{"error":{"message":"Bad request","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            "prompt is too long: Bad request"
        ),
        // LM Studio
        (
            #"{"error":"Trying to keep the first 10136 tokens when context the overflows. However, the model is loaded with context length of only 7866 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input."}"#,
            "prompt is too long: 10136 tokens > 7866 maximum. Trying"
        ),
        (
            #"{"error":"The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."}"#,
            "prompt is too long: 13055 tokens > 4096 maximum. The number"
        ),
        (
            #"{"error":"Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)"}"#,
            "prompt is too long: 15028 tokens > 7424 maximum. Cannot"
        ),
        (
            #"{"error":"Input length 6491 exceeds context length 1500"}"#,
            "prompt is too long: 6491 tokens > 1500 maximum. Input"
        ),
        // Others
        (
            #"{"detail":"Prompt too long: 32799 tokens exceeds max context window of 32768 tokens"}"#,
            "prompt is too long: 32799 tokens > 32768 maximum. Prompt"
        ),
        (
            #"{"error":{"message":"Prompt length 5000 is greater than max_seq_len 4096"}}"#,
            "prompt is too long: Prompt length"
        ),
        // Engines that speak the API themselves
        (
            #"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 213462 tokens > 200000 maximum"}}"#,
            "prompt is too long: 213462 tokens > 200000 maximum"
        ),
    ]

    @Test(arguments: wordings.indices, [400, 413, 422, 500])
    func contextLengthErrorsStartCompaction(_ index: Int, _ status: Int) {
        let (document, beginning) = Self.wordings[index]
        let engine = EngineError(Array(document.utf8)[...])
        let error = AnthropicError(
            GatewayError(.upstreamError, "The engine refused the request.", engine: engine), status: status)
        #expect(error.status == 400)
        #expect(error.type == "invalid_request_error")
        #expect(error.message.hasPrefix(beginning), "\(error.message)")
        // The engine's words stay.
        #expect(error.message.hasSuffix(engine.message ?? ""))
    }

    @Test(arguments: [
        #"{"error":{"message":"Invalid 'messages[0].content': string too long. Expected a string with maximum length 10485760","code":"string_above_max_length"}}"#,
        #"{"error":"model not found"}"#, #"{"error":"context canceled"}"#,
        #"{"error":{"message":"Input is too large to process. Increase the physical batch size"}}"#, "", "{}",
        #"{"error":"max_tokens must be at least 1, got 0."}"#,
    ])
    func otherErrorsAreNotAboutTheContext(_ document: String) {
        #expect(ContextLengthError(EngineError(Array(document.utf8)[...]), status: 400) == nil)
    }

    @Test(arguments: [401, 403, 429])
    func errorsAboutRatesMayMentionLengths(_ status: Int) {
        let engine = EngineError(Array(#"{"error":"Please reduce; maximum context length is 8 tokens"}"#.utf8)[...])
        #expect(ContextLengthError(engine, status: status) == nil)
        #expect(ContextLengthError(engine, status: 400) != nil)
    }

    @Test func keepaliveIsAPing() throws {
        #expect(try events(AnthropicMessages.keepalive) == [value(#"{"type":"ping"}"#.utf8)])
    }

    @Test func messageIDs() {
        #expect(AnthropicMessages.messageID(for: "req-00ff") == "msg_00ff")
        #expect(AnthropicMessages.messageID(for: "mine") == "msg_mine")
    }
}
