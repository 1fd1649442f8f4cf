/// A complete stream of `/v1/messages`.
///
/// Source: Anthropic's documentation, "Streaming messages": `message_start`, content blocks that are opened and closed,
/// `message_delta`, `message_stop`.
struct MessagesStream: Sendable {
    private(set) var reply = DialectReply()
    private var openBlocks: Set<Int> = []
    private var blockCount = 0
    private var contentSize = 0
    private var hasStarted = false
    private var hasStopReason = false
    private var hasStopped = false

    /// - Throws: ``ResponseProblem`` if the stream is not complete and balanced.
    init(_ exchange: Exchange) throws(ResponseProblem) {
        guard exchange.isEventStream else { throw ResponseProblem("expected a stream, got \(exchange.contentName)") }
        for event in EventStream(exchange).events {
            guard let json = JSONValue(parsing: Array(event.data.utf8)), let type = json["type"]?.string else {
                throw ResponseProblem("an event of the stream is not a JSON object with a `type`")
            }
            guard event.name == type else {
                throw ResponseProblem("the event `\(event.name ?? "")` carries the type \(type)")
            }
            try read(type, json)
        }
        guard hasStarted else { throw ResponseProblem("the stream contains no message_start") }
        guard hasStopped else { throw ResponseProblem("the stream ended without message_stop: it was truncated") }
        guard contentSize > 0 else { throw ResponseProblem("the stream has no content") }
        reply.content = "\(blockCount) content \(blockCount == 1 ? "block" : "blocks"), balanced"
    }

    private mutating func read(_ type: String, _ json: JSONValue) throws(ResponseProblem) {
        guard type != "ping" else { return }
        if type == "error" {
            throw ResponseProblem("an error in the stream: \(Exchange.errorText(json) ?? "without message")")
        }
        guard !hasStopped else { throw ResponseProblem("\(type) after message_stop") }
        guard hasStarted || type == "message_start" else { throw ResponseProblem("\(type) before message_start") }
        switch type {
        case "message_start":
            guard !hasStarted else { throw ResponseProblem("two message_start events") }
            hasStarted = true
            reply.model = json["message"]?["model"]?.string
            reply.inputTokens = json["message"]?["usage"]?["input_tokens"]?.count
        case "content_block_start": try open(json)
        case "content_block_delta":
            guard let index = json["index"]?.count, openBlocks.contains(index) else {
                throw ResponseProblem("content_block_delta for a block that is not open")
            }
            let delta = json["delta"]
            contentSize += (delta?["text"] ?? delta?["thinking"] ?? delta?["partial_json"]).size
        case "content_block_stop":
            guard let index = json["index"]?.count, openBlocks.remove(index) != nil else {
                throw ResponseProblem("content_block_stop for a block that is not open")
            }
        case "message_delta":
            hasStopReason = hasStopReason || json["delta"]?["stop_reason"]?.string != nil
            // Engines that know the input only at the end state it here.
            if let count = json["usage"]?["input_tokens"]?.count, count > 0 { reply.inputTokens = count }
            reply.outputTokens = json["usage"]?["output_tokens"]?.count ?? reply.outputTokens
        case "message_stop": try stop()
        default: throw ResponseProblem("unknown event \(type)")
        }
    }

    private mutating func open(_ json: JSONValue) throws(ResponseProblem) {
        guard let index = json["index"]?.count, openBlocks.insert(index).inserted else {
            throw ResponseProblem("content_block_start for a block that is already open, or without `index`")
        }
        blockCount += 1
        // A tool call may have no arguments, and then no delta.
        if json["content_block"]?["type"]?.string == "tool_use" { contentSize += 1 }
    }

    private mutating func stop() throws(ResponseProblem) {
        guard openBlocks.isEmpty else {
            throw ResponseProblem("message_stop while a content block is open: a broken stream ends as if complete")
        }
        guard hasStopReason else {
            throw ResponseProblem("message_stop without a stop_reason: a broken stream ends as if complete")
        }
        hasStopped = true
    }
}

/// A complete stream of `/api/chat` or `/api/generate`: lines of JSON, the last one with `done: true`.
///
/// Source: Ollama's documentation, `docs/api.md`.
struct OllamaStream: Sendable {
    private(set) var reply = DialectReply()

    /// - Throws: ``ResponseProblem`` if the stream is not complete.
    init(_ exchange: Exchange, endpoint: Endpoint) throws(ResponseProblem) {
        guard exchange.contentType.hasPrefix("application/x-ndjson") else {
            throw ResponseProblem("expected a stream of lines (application/x-ndjson), got \(exchange.contentName)")
        }
        var (isDone, size, lineCount) = (false, 0, 0)
        for line in LineStream(exchange).lines {
            guard let json = line.json, json.object != nil else {
                throw ResponseProblem("a line of the stream is not a JSON object")
            }
            if let error = json["error"]?.string { throw ResponseProblem("an error in the stream: \(error)") }
            guard !isDone else { throw ResponseProblem("a line after `done: true`") }
            guard let done = json["done"], done == .bool(true) || done == .bool(false) else {
                throw ResponseProblem("a line has no `done`")
            }
            lineCount += 1
            size += endpoint.ollamaContent(json)
            // Keepalives carry the requested name: the runner is not known yet.
            if endpoint.ollamaContent(json) > 0 || done == .bool(true) { reply.model = json["model"]?.string }
            guard done == .bool(true) else { continue }
            isDone = true
            guard json["done_reason"]?.string?.isEmpty == false else {
                throw ResponseProblem("`done: true` without `done_reason`: a broken stream ends as if complete")
            }
            reply.inputTokens = json["prompt_eval_count"]?.count
            reply.outputTokens = json["eval_count"]?.count
        }
        guard lineCount > 0 else { throw ResponseProblem("the stream contains no line") }
        guard isDone else { throw ResponseProblem("the stream ended without `done: true`: it was truncated") }
        guard size > 0 else { throw ResponseProblem("the stream has no content") }
        reply.content = "\(lineCount) lines, the last with done: true"
    }
}

/// A complete stream of `/v1/responses`.
///
/// Source: OpenAI's API reference, "Streaming events".
struct ResponsesStream: Sendable {
    private(set) var reply = DialectReply()

    /// - Throws: ``ResponseProblem`` if the stream is not complete.
    init(_ exchange: Exchange) throws(ResponseProblem) {
        guard exchange.isEventStream else { throw ResponseProblem("expected a stream, got \(exchange.contentName)") }
        var (openItems, itemCount, size) = (Set<Int>(), 0, 0)
        var last: JSONValue?
        for event in EventStream(exchange).events where event.data != "[DONE]" {
            guard let json = JSONValue(parsing: Array(event.data.utf8)), let type = json["type"]?.string else {
                throw ResponseProblem("an event of the stream is not a JSON object with a `type`")
            }
            if type == "error" || type == "response.failed" {
                let text = Exchange.errorText(json["response"] ?? json) ?? "without message"
                throw ResponseProblem("an error in the stream: \(text)")
            }
            guard last == nil else { throw ResponseProblem("\(type) after the end of the response") }
            switch type {
            case "response.output_item.added":
                openItems.insert(json["output_index"]?.count ?? -1)
                itemCount += 1
            case "response.output_item.done": openItems.remove(json["output_index"]?.count ?? -1)
            case "response.completed", "response.incomplete": last = json["response"] ?? .null
            default: if type.hasSuffix(".delta") { size += (json["delta"]).size }
            }
        }
        guard let last else { throw ResponseProblem("the stream ended without response.completed: it was truncated") }
        guard openItems.isEmpty else {
            throw ResponseProblem(
                "response.completed while an output item is open: a broken stream ends as if complete")
        }
        guard size > 0 else { throw ResponseProblem("the stream has no content") }
        reply = try Endpoint.response(last)
        reply.content = "\(itemCount) output \(itemCount == 1 ? "item" : "items"), then response.completed"
    }
}
