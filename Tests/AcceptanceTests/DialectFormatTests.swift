import Testing

@testable import Acceptance

/// Reading of responses and errors of the other APIs.
struct DialectFormatTests {
    private func exchange(
        _ body: String, _ endpoint: Endpoint, status: Int = 200, stream: Bool = false, type: String? = nil
    ) -> Exchange {
        var exchange = Exchange(
            request: APIRequest(method: "POST", path: endpoint.path, credential: .none, wantsStream: stream),
            started: .now)
        exchange.status = status
        let streamType = endpoint.dialect == .ollama ? "application/x-ndjson" : "text/event-stream"
        exchange.headers = [("content-type", type ?? (stream ? streamType : "application/json"))]
        exchange.body = Array(body.utf8)
        return exchange
    }

    /// Named events whose data has the same type.
    private func events(_ events: [(String, String)]) -> String {
        events.map { "event: \($0)\ndata: {\"type\":\"\($0)\"\($1)}\n\n" }.joined()
    }

    private static let start = ("message_start", #","message":{"model":"m","usage":{"input_tokens":3}}"#)
    private static let open = ("content_block_start", #","index":0,"content_block":{"type":"text","text":""}"#)
    private static let text = ("content_block_delta", #","index":0,"delta":{"type":"text_delta","text":"hi"}"#)
    private static let close = ("content_block_stop", #","index":0"#)
    private static let delta = ("message_delta", #","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}"#)
    private static let stop = ("message_stop", "")
    private static let ping = ("ping", "")

    @Test func `a balanced stream of messages is read`() throws {
        let body = events([Self.ping, Self.start, Self.ping, Self.open, Self.text, Self.close, Self.delta, Self.stop])
        let reply = try Endpoint.messages.reply(exchange(body, .messages, stream: true))
        #expect(reply.model == "m")
        #expect(reply.inputTokens == 3)
        #expect(reply.outputTokens == 2)
        #expect(reply.content == "1 content block, balanced")
    }

    @Test(
        arguments: [
            ([open, text, close, delta, stop], "content_block_start before message_start"),
            ([start, open, text, delta, stop], "message_stop while a content block is open"),
            ([start, open, text, close, stop], "message_stop without a stop_reason"),
            ([start, open, text, close, delta], "without message_stop"),
            ([start, open, text, close, delta, stop, stop], "message_stop after message_stop"),
            ([start, start], "two message_start"),
            ([start, text], "not open"),
            ([start, open, open], "already open"),
            ([start, open, close, delta, stop], "no content"),
            (
                [start, ("error", #","error":{"type":"api_error","message":"broken"}"#)],
                "an error in the stream: broken"
            ),
            ([start, ("surprise", "")], "unknown event surprise"),
            ([ping], "no message_start"),
        ] as [([(String, String)], String)])
    func `an unbalanced stream of messages is refused`(parts: [(String, String)], problem: String) throws {
        let error = #expect(throws: ResponseProblem.self) {
            try Endpoint.messages.reply(exchange(events(parts), .messages, stream: true))
        }
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }

    @Test func `an event of another name than its type is refused`() {
        let error = #expect(throws: ResponseProblem.self) {
            try Endpoint.messages.reply(
                exchange("event: ping\ndata: {\"type\":\"message_start\"}\n\n", .messages, stream: true))
        }
        #expect(error?.description == "the event `ping` carries the type message_start")
    }

    private static let chatPiece = #"{"model":"m","message":{"role":"assistant","content":"hi"},"done":false}"#
    private static let chatEnd =
        #"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}"#

    @Test func `lines of Ollama are read`() throws {
        let reply = try Endpoint.ollamaChat.reply(
            exchange("\(Self.chatPiece)\n\(Self.chatEnd)\n", .ollamaChat, stream: true))
        #expect(reply.model == "m")
        #expect(reply.inputTokens == 3)
        #expect(reply.outputTokens == 2)
    }

    @Test(
        arguments: [
            ([chatPiece], "without `done: true`"), ([chatEnd], "no content"),
            ([chatPiece, chatEnd, chatEnd], "after `done"),
            ([chatPiece, #"{"model":"m","done":true}"#], "without `done_reason`"),
            ([chatPiece, ""], "not a JSON object"),
            ([chatPiece, #"{"error":"broken"}"#], "an error in the stream: broken"),
            ([#"{"model":"m"}"#], "has no `done`"),
            ([], "no line"),
        ] as [([String], String)])
    func `incomplete lines of Ollama are refused`(lines: [String], problem: String) {
        let body = lines.map { $0 + "\n" }.joined()
        let error = #expect(throws: ResponseProblem.self) {
            try Endpoint.ollamaChat.reply(exchange(body, .ollamaChat, stream: true))
        }
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }

    private static let added = ("response.output_item.added", #","output_index":0"#)
    private static let piece = ("response.output_text.delta", #","delta":"hi""#)
    private static let itemDone = ("response.output_item.done", #","output_index":0"#)
    private static let completed = (
        "response.completed",
        #","response":{"object":"response","status":"completed","model":"m","output":[{}],"usage":{"input_tokens":3,"output_tokens":2}}"#
    )

    @Test func `a stream of responses is read, with or without an end marker`() throws {
        let body = events([Self.added, Self.piece, Self.itemDone, Self.completed])
        for end in ["", "data: [DONE]\n\n"] {
            let reply = try Endpoint.responses.reply(exchange(body + end, .responses, stream: true))
            #expect(reply.model == "m")
            #expect(reply.outputTokens == 2)
        }
    }

    @Test(
        arguments: [
            ([added, piece, itemDone], "without response.completed"),
            ([added, piece, completed], "an output item is open"),
            ([added, piece, itemDone, completed, piece], "after the end"),
            ([added, itemDone, completed], "no content"),
            ([("response.failed", #","response":{"error":{"message":"broken"}}"#)], "an error in the stream: broken"),
            ([("error", #","message":"broken""#)], "an error in the stream: broken"),
        ] as [([(String, String)], String)])
    func `an incomplete stream of responses is refused`(parts: [(String, String)], problem: String) {
        let error = #expect(throws: ResponseProblem.self) {
            try Endpoint.responses.reply(exchange(events(parts), .responses, stream: true))
        }
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (Endpoint.messages, #"{"type":"message","role":"assistant","content":[],"stop_reason":"end_turn"}"#, "empty"),
        (.messages, #"{"type":"message","role":"assistant","content":[{"type":"text","text":"a"}]}"#, "stop_reason"),
        (.countTokens, #"{"input_tokens":0}"#, "input_tokens"),
        (.ollamaGenerate, #"{"response":"a","done":false}"#, "done"),
        (.ollamaEmbed, #"{"embeddings":[]}"#, "no vector"), (.embeddings, #"{"object":"list","data":[]}"#, "no vector"),
        (.ollamaTags, #"{"models":[{}]}"#, "no `name`"),
        (.responses, #"{"object":"response","status":"failed"}"#, "failed"),
        (.rerank, #"{"results":[{"index":0,"relevance_score":1},{"index":0,"relevance_score":1}]}"#, "each of the two"),
        (.rerank, #"{"results":[{"index":0},{"index":1}]}"#, "relevance_score"), (.transcriptions, "{}", "`text`"),
        (.images, #"{"data":[{"url":""}]}"#, "neither"), (.speech, #"{"audio":"a"}"#, "instead of audio"),
    ]) func `documents without their content are refused`(endpoint: Endpoint, body: String, problem: String) {
        let error = #expect(throws: ResponseProblem.self) { try endpoint.reply(exchange(body, endpoint)) }
        #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }

    @Test func `thinking and tool calls are content`() throws {
        let thinking = #"{"model":"m","message":{"role":"assistant","content":"","thinking":"hm"},"done":true}"#
        #expect(try Endpoint.ollamaChat.reply(exchange(thinking, .ollamaChat)).content == "2 characters")
        let tool = #"{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{}]},"done":true}"#
        #expect(throws: Never.self) { try Endpoint.ollamaChat.reply(exchange(tool, .ollamaChat)) }
        let use =
            #"{"type":"message","role":"assistant","content":[{"type":"tool_use","name":"f"}],"stop_reason":"tool_use"}"#
        #expect(throws: Never.self) { try Endpoint.messages.reply(exchange(use, .messages)) }
    }

    @Test(
        arguments: [
            (Endpoint.messages, 404, #"{"type":"error","error":{"type":"not_found_error","message":"a"}}"#, nil),
            (.messages, 404, #"{"type":"error","error":{"type":"api_error","message":"a"}}"#, "the type of the error"),
            (.messages, 405, #"{"type":"error","error":{"type":"api_error","message":"a"}}"#, nil),
            (.messages, 404, #"{"error":{"message":"a","type":"t","param":null,"code":null}}"#, "not \"error\""),
            (.messages, 404, #"{"type":"error","error":{"type":"not_found_error"}}"#, "lacks"),
            (.ollamaChat, 404, #"{"error":"a"}"#, nil), (.ollamaChat, 404, #"{"error":{"message":"a"}}"#, "not a text"),
            (.embeddings, 404, #"{"error":"a"}"#, "object `error`"),
            (.embeddings, 404, "no", "instead of a JSON error"),
            (.rerank, 404, #"{"message":"a"}"#, nil), (.rerank, 404, #"{"detail":"a"}"#, nil),
            (.rerank, 404, #"{"error":{"message":"a","type":"t","param":null,"code":null}}"#, nil),
            (.rerank, 404, "{}", "object `error`"),
        ] as [(Endpoint, Int, String, String?)])
    func `errors have the shape of their API`(endpoint: Endpoint, status: Int, body: String, problem: String?) {
        let found = endpoint.dialect.errorProblem(exchange(body, endpoint, status: status))
        #expect(problem.map { found?.contains($0) == true } ?? (found == nil), "\(found ?? "nil")")
    }

    @Test(arguments: [
        (Endpoint.messages, "event: ping\ndata: {\"type\":\"ping\"}\n\n", StreamItem.Kind.keepalive),
        (.messages, ": waiting\n", .comment("waiting")), (.responses, ": waiting\n", .comment("waiting")),
        (.responses, "data: {\"type\":\"ping\"}\n\n", .invalid("ping")),
        (.ollamaChat, #"{"message":{"role":"assistant","content":""},"done":false}"# + "\n", .keepalive),
        (
            .ollamaChat, #"{"message":{"content":""},"done":false}"# + "\n",
            .invalid(#"{"message":{"content":""},"done":false}"#)
        ),
        (.ollamaGenerate, #"{"response":"","done":false}"# + "\n", .keepalive), (.ollamaChat, "\n", .invalid("")),
        (.ollamaChat, ": waiting\n", .invalid(": waiting")), (.ollamaChat, #"{"error":"a"}"# + "\n", .error("a")),
    ]) func `elements of a waiting stream are classified`(endpoint: Endpoint, text: String, kind: StreamItem.Kind) {
        #expect(endpoint.items(body: Array(text.utf8), arrivals: [], fallback: .now).map(\.kind) == [kind])
    }

    @Test func `silence is measured between keepalives of the dialect`() {
        let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n"
        let begin = events([Self.start])
        func wait(_ parts: [(Int, String)]) -> StreamWait {
            var exchange = exchange("", .messages, stream: true)
            exchange.sent = exchange.started
            for (second, text) in parts {
                exchange.body += text.utf8
                exchange.arrivals.append(.init(at: exchange.started + .seconds(second), length: exchange.body.count))
            }
            return StreamWait(exchange, endpoint: .messages)
        }
        let regular = wait([(10, ping), (20, ping), (30, begin)])
        #expect(regular.problem(limit: .seconds(15)) == nil)
        #expect(regular.keepaliveCount == 2)
        #expect(regular.duration == .seconds(30))
        #expect(wait([(10, ping), (26, begin)]).problem(limit: .seconds(15)) == "no keepalive for 16.0 s")
        #expect(wait([(16, begin)]).problem(limit: .seconds(15)) == "no keepalive for 16.0 s")
        #expect(wait([(5, ": waiting\n"), (9, begin)]).problem(limit: .seconds(15))?.contains("with comments") == true)
        #expect(wait([(5, ": served by r m waited 9\n"), (9, begin)]).problem(limit: .seconds(15)) == nil)
    }

    @Test(
        arguments: [
            (#"["chat","/v1/audio/speech","Embedding"]"#, ["chat", "audio/speech", "embedding"]),
            (#"{"chat":true,"vision":false}"#, ["chat"]), (#""chat""#, []), ("null", []),
        ] as [(String, Set<String>)])
    func `capabilities are a list of names or an object of flags`(json: String, names: Set<String>) throws {
        let body = #"{"object":"list","data":[{"id":"m","capabilities":\#(json)}]}"#
        let list = try ModelList(exchange(body, .embeddings))
        #expect(list.entries[0].capabilities == names)
    }

    @Test(
        arguments: [
            (
                "# TYPE simpleai_calls_total counter\nsimpleai_calls_total{class=\"a\"} 2\nsimpleai_calls_total{class=\"b\"} 3\n",
                5
            ),
            ("# TYPE simpleai_calls_total counter\n", 0), ("other 1\n", nil), ("simpleai_calls_total_other 4\n", nil),
        ] as [(String, Double?)])
    func `calls are summed over their labels`(metrics: String, count: Double?) {
        #expect(CallCount.count(in: metrics) == count)
    }

    @Test func `an upload is multipart, and curl shows it as a form`() throws {
        var upload = APIRequest(
            method: "POST", path: "/v1/audio/transcriptions", credential: .apiKey("secret", name: "key"))
        upload.body = .init([0xFF])
        upload.curlBody = "-F model=m -F file=@tone.wav"
        var exchange = Exchange(request: upload, started: .now)
        exchange.status = 200
        let evidence = Evidence(exchange, expected: "")
        #expect(evidence.curl.contains("-F model=m -F file=@tone.wav"))
        #expect(evidence.curl.contains(#"-H "x-api-key: $SIMPLEAI_TEST_TOKEN""#))
        #expect(!evidence.curl.contains("secret"))
        #expect(evidence.sent.contains("-F model=m"))
    }
}
