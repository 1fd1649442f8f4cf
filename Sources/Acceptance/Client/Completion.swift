/// A chat completion, parsed from a JSON object or from a stream.
struct Completion: Sendable {
    var model = ""
    var content = ""
    var reasoning = ""
    var toolCalls = 0
    var finishReason: String?
    /// Arrival of the first content, reasoning or tool call (streams only).
    var firstToken: ContinuousClock.Instant?
    /// All values of `model` in the chunks of a stream.
    var models: Set<String> = []

    var isEmpty: Bool { content.isEmpty && reasoning.isEmpty && toolCalls == 0 }

    /// Reads a completion from a response.
    ///
    /// - Throws: ``ResponseProblem`` if it is not a complete, valid completion.
    init(_ exchange: Exchange) throws(ResponseProblem) {
        guard exchange.isSuccess else { throw ResponseProblem("status \(exchange.status)\(exchange.errorSummary)") }
        if case .broken(let reason) = exchange.ending { throw ResponseProblem(reason) }
        guard exchange.ending == .clean else { throw ResponseProblem("the response exceeds 8 MiB") }
        if exchange.request.wantsStream {
            guard exchange.isEventStream else {
                throw ResponseProblem("expected a stream, got \(exchange.contentName)")
            }
            try readStream(EventStream(exchange))
        } else {
            try readObject(exchange)
        }
        guard !model.isEmpty else { throw ResponseProblem("the response has no model") }
        guard finishReason != nil else { throw ResponseProblem("no finish_reason: the response is incomplete") }
        guard !isEmpty else { throw ResponseProblem("content, reasoning and tool calls are all empty") }
    }

    private mutating func readObject(_ exchange: Exchange) throws(ResponseProblem) {
        guard let json = exchange.json else { throw ResponseProblem("\(exchange.contentName) instead of JSON") }
        guard let choice = json["choices"]?[0] else { throw ResponseProblem("the response has no choices") }
        model = json["model"]?.string ?? ""
        models = [model]
        if let message = choice["message"] { add(message, at: nil) }
        finishReason = choice["finish_reason"]?.string
    }

    private mutating func readStream(_ stream: EventStream) throws(ResponseProblem) {
        var ended = false
        for event in stream.events {
            if event.data == "[DONE]" {
                ended = true
                continue
            }
            guard let chunk = JSONValue(parsing: Array(event.data.utf8)) else {
                throw ResponseProblem("an event of the stream is not JSON")
            }
            if let error = chunk["error"] {
                throw ResponseProblem("an error in the stream: \(error["message"]?.string ?? "without message")")
            }
            if let name = chunk["model"]?.string {
                models.insert(name)
                model = name
            }
            guard let choice = chunk["choices"]?[0] else { continue }
            if let delta = choice["delta"] { add(delta, at: event.at) }
            if let reason = choice["finish_reason"]?.string { finishReason = reason }
        }
        guard !stream.events.isEmpty else { throw ResponseProblem("the stream contains no event") }
        guard finishReason != nil else {
            throw ResponseProblem("the stream ended without finish_reason: it was truncated")
        }
        guard ended else { throw ResponseProblem("the stream ended without [DONE]") }
    }

    private mutating func add(_ message: JSONValue, at instant: ContinuousClock.Instant?) {
        content += message["content"]?.string ?? ""
        reasoning += message["reasoning_content"]?.string ?? message["reasoning"]?.string ?? ""
        toolCalls += message["tool_calls"]?.array?.count ?? 0
        if firstToken == nil, !isEmpty { firstToken = instant }
    }
}

/// Why a response is not the expected one, as a clause for the operator.
struct ResponseProblem: Error, Sendable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension Exchange {
    /// Code and message of the error object in the body, as ` (model_not_found: …)`; empty without an error object.
    var errorSummary: String {
        guard let error = json?["error"], let message = error["message"]?.string else { return "" }
        let code = error["code"]?.string.map { "\($0): " } ?? ""
        return " (\(code)\(message.prefix(160)))"
    }

    /// The kind of content in the body, as a phrase.
    var contentName: String {
        if body.isEmpty { return "an empty body" }
        return isHTML ? "an HTML page" : contentType.isEmpty ? "a body without content type" : contentType
    }

    /// Why the body is not an OpenAI error object, or nil if it is one.
    var errorObjectProblem: String? {
        guard let json else { return "\(contentName) instead of a JSON error object" }
        guard let error = json["error"]?.object else { return "the JSON lacks the object `error`" }
        let missing = ["message", "type", "param", "code"].filter { error[$0] == nil }
        if !missing.isEmpty { return "the error object lacks `\(missing.joined(separator: "`, `"))`" }
        return error["message"]?.string?.isEmpty == false ? nil : "the error's message is not a string"
    }
}
