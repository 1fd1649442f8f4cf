/// The content of a complete response that has the shape of its endpoint.
struct DialectReply: Sendable {
    /// The model that the body names; nil if it names none.
    var model: String?
    /// Tokens of the input; nil if the response does not state them.
    var inputTokens: Int?
    /// Generated tokens; nil if the response does not state them.
    var outputTokens: Int?
    /// What the caller received, as a phrase: `5 characters of text`.
    var content = ""
    /// Why the response does not show whether the endpoint works; nil if it does.
    var undecided: String?
}

extension Endpoint {
    /// Reads a response to a request of this endpoint.
    ///
    /// - Throws: ``ResponseProblem`` if it is not a complete response of the endpoint's shape.
    func reply(_ exchange: Exchange) throws(ResponseProblem) -> DialectReply {
        guard exchange.isSuccess else {
            throw ResponseProblem("status \(exchange.status)\(exchange.dialectErrorSummary)")
        }
        if case .broken(let reason) = exchange.ending { throw ResponseProblem(reason) }
        guard exchange.ending == .clean else { throw ResponseProblem("the response exceeds 8 MiB") }
        if exchange.request.wantsStream { return try streamReply(exchange) }
        if self == .speech { return try speech(exchange) }
        guard let json = exchange.json else { throw ResponseProblem("\(exchange.contentName) instead of JSON") }
        switch self {
        case .messages: return try Self.message(json)
        case .ollamaChat, .ollamaGenerate: return try ollamaCompletion(json)
        case .responses: return try Self.response(json)
        case .countTokens:
            guard let count = json["input_tokens"]?.number, count > 0 else {
                throw ResponseProblem("`input_tokens` is not a number above 0")
            }
            return DialectReply(inputTokens: Int(count), content: "\(Int(count)) input tokens")
        case .embeddings: return try Self.embeddings(json)
        case .ollamaEmbed:
            return DialectReply(
                model: json["model"]?.string, inputTokens: json["prompt_eval_count"]?.count,
                content: try MediaContent.vector(json["embeddings"]?[0]))
        case .ollamaTags:
            guard let models = json["models"]?.array else { throw ResponseProblem("the array `models` is missing") }
            guard models.allSatisfy({ $0["name"]?.string?.isEmpty == false }) else {
                throw ResponseProblem("a model has no `name`")
            }
            return DialectReply(content: "\(models.count) models")
        case .rerank: return try Self.ranking(json)
        case .transcriptions:
            guard let text = json["text"]?.string else { throw ResponseProblem("`text` is not a string") }
            guard text.contains(where: { !$0.isWhitespace }) else {
                if exchange.request.containsSpeech { throw ResponseProblem("the transcript of spoken words is empty") }
                return DialectReply(
                    content: "no text",
                    undecided:
                        "the transcript is empty: no sound of /v1/audio/speech was available, and the tone that was "
                        + "sent contains no words")
            }
            return DialectReply(content: "\(text.count) characters of text")
        case .images:
            guard let image = json["data"]?[0] else { throw ResponseProblem("`data` contains no image") }
            return DialectReply(content: try MediaContent.picture(in: image))
        case .speech: return try speech(exchange)
        }
    }

    private func streamReply(_ exchange: Exchange) throws(ResponseProblem) -> DialectReply {
        switch self {
        case .messages: return try MessagesStream(exchange).reply
        case .ollamaChat, .ollamaGenerate: return try OllamaStream(exchange, endpoint: self).reply
        default: return try ResponsesStream(exchange).reply
        }
    }

    // MARK: Documents

    private static func message(_ json: JSONValue) throws(ResponseProblem) -> DialectReply {
        guard json["type"]?.string == "message" else { throw ResponseProblem("`type` is not \"message\"") }
        guard json["role"]?.string == "assistant" else { throw ResponseProblem("`role` is not \"assistant\"") }
        let blocks = json["content"]?.array ?? []
        let size = blocks.reduce(0) { $0 + ($1["text"] ?? $1["thinking"] ?? $1["name"]).size }
        guard size > 0 else { throw ResponseProblem("`content` is empty") }
        guard json["stop_reason"]?.string != nil else { throw ResponseProblem("no `stop_reason`: it is incomplete") }
        return DialectReply(
            model: json["model"]?.string, inputTokens: json["usage"]?["input_tokens"]?.count,
            outputTokens: json["usage"]?["output_tokens"]?.count, content: "\(size) characters")
    }

    private func ollamaCompletion(_ json: JSONValue) throws(ResponseProblem) -> DialectReply {
        let size = ollamaContent(json)
        guard json["done"] == .bool(true) else { throw ResponseProblem("`done` is not true: it is incomplete") }
        guard size > 0 else { throw ResponseProblem("the response has no content") }
        return DialectReply(
            model: json["model"]?.string, inputTokens: json["prompt_eval_count"]?.count,
            outputTokens: json["eval_count"]?.count, content: "\(size) characters")
    }

    /// Characters of content, reasoning and tool calls in an object or line.
    func ollamaContent(_ json: JSONValue) -> Int {
        let message = self == .ollamaChat ? json["message"] : json
        let text = self == .ollamaChat ? message?["content"] : json["response"]
        return text.size + (message?["thinking"]).size + (message?["tool_calls"]?.array?.count ?? 0)
    }

    /// A response object, as a document or in the last event of a stream.
    static func response(_ json: JSONValue) throws(ResponseProblem) -> DialectReply {
        guard json["object"]?.string == "response" else { throw ResponseProblem("`object` is not \"response\"") }
        let status = json["status"]?.string ?? ""
        guard status == "completed" || status == "incomplete" else {
            throw ResponseProblem("`status` is \"\(status)\", neither \"completed\" nor \"incomplete\"")
        }
        guard json["output"]?[0] != nil else { throw ResponseProblem("`output` is empty") }
        return DialectReply(
            model: json["model"]?.string, inputTokens: json["usage"]?["input_tokens"]?.count,
            outputTokens: json["usage"]?["output_tokens"]?.count,
            content: "\(json["output"]?.array?.count ?? 0) output items")
    }

    private static func embeddings(_ json: JSONValue) throws(ResponseProblem) -> DialectReply {
        guard json["object"]?.string == "list" else { throw ResponseProblem("`object` is not \"list\"") }
        return DialectReply(
            model: json["model"]?.string, inputTokens: json["usage"]?["prompt_tokens"]?.count,
            content: try MediaContent.vector(json["data"]?[0]?["embedding"]))
    }

    private static func ranking(_ json: JSONValue) throws(ResponseProblem) -> DialectReply {
        let results = json["results"]?.array ?? []
        let indices = results.compactMap { $0["index"]?.number }
        guard results.count == 2, Set(indices) == [0, 1] else {
            throw ResponseProblem("`results` does not contain each of the two documents once")
        }
        guard results.allSatisfy({ $0["relevance_score"]?.number != nil }) else {
            throw ResponseProblem("a result has no `relevance_score`")
        }
        let usage = json["usage"]?["total_tokens"] ?? json["usage"]?["prompt_tokens"]
        return DialectReply(model: json["model"]?.string, inputTokens: usage?.count, content: "2 ranked documents")
    }

    private func speech(_ exchange: Exchange) throws(ResponseProblem) -> DialectReply {
        let type = exchange.contentType
        guard type.hasPrefix("audio/") || type.hasPrefix("application/octet-stream") else {
            throw ResponseProblem("\(exchange.contentName) instead of audio")
        }
        return DialectReply(content: try MediaContent.sound(exchange.body, type: type))
    }
}

extension JSONValue {
    /// A number of tokens; nil if it is not a whole number from 0 on.
    var count: Int? {
        guard let number, number >= 0, number < 1e15, number == number.rounded() else { return nil }
        return Int(number)
    }
}

extension JSONValue? {
    /// Characters of a string; 0 for anything else.
    var size: Int { self?.string?.count ?? 0 }
}
