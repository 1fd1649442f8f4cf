/// The documents and streams of the other APIs.
struct DialectFormat: Sendable {
    let endpoint: StandInEndpoint
    let model: String
    let defect: Defect?

    var documentType: String { endpoint == .speech ? "audio/wav" : "application/json" }
    var streamType: String { endpoint.isOllama ? "application/x-ndjson" : "text/event-stream" }

    private var vector: String { defect == .vectorsZero ? "[0,0.0]" : "[0.1,0.2]" }

    private var isUsageStated: Bool { defect != .dialectUsageMissing }

    // MARK: Documents

    var document: String {
        switch endpoint {
        case .messages: message(#"[{"type":"text","text":"ready"}]"#, stopReason: #""end_turn""#, output: 1)
        case .countTokens: #"{"input_tokens":9}"#
        case .ollamaChat, .ollamaGenerate: line("ready", isDone: true)
        case .ollamaEmbed:
            #"{"model":"\#(model)","embeddings":[\#(vector)]\#(isUsageStated ? #","prompt_eval_count":9"# : "")}"#
        case .responses: response
        case .embeddings:
            #"{"object":"list","model":"\#(model)","data":[{"object":"embedding","index":0,"embedding":\#(vector)}]"#
                + (isUsageStated ? #","usage":{"prompt_tokens":9,"total_tokens":9}}"# : "}")
        case .rerank:
            #"{"model":"\#(model)","results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}"#
        case .speech: StandInMedia.speech(defect)
        case .transcriptions: #"{"text":"\#(defect == .transcriptEmpty ? "" : "a tone")"}"#
        case .images: #"{"created":1,"data":[{"b64_json":"\#(StandInMedia.image(defect))"}]}"#
        case .ollamaTags: #"{"models":[]}"#
        }
    }

    private func message(_ content: String, stopReason: String, output: Int) -> String {
        let usage = isUsageStated ? #","usage":{"input_tokens":9,"output_tokens":\#(output)}"# : ""
        return #"{"id":"m","type":"message","role":"assistant","model":"\#(model)","content":\#(content),"#
            + #""stop_reason":\#(stopReason),"stop_sequence":null\#(usage)}"#
    }

    private func line(_ text: String, isDone: Bool, reason: String = #","done_reason":"stop""#) -> String {
        let content =
            endpoint == .ollamaChat
            ? #""message":{"role":"assistant","content":"\#(text)"}"# : #""response":"\#(text)""#
        let usage = isUsageStated ? #","prompt_eval_count":9,"eval_count":1"# : ""
        return #"{"model":"\#(model)","created_at":"2026-11-30T00:00:00Z",\#(content),"done":\#(isDone)"#
            + (isDone ? "\(reason)\(usage)}" : "}")
    }

    private var response: String {
        let usage = isUsageStated ? #","usage":{"input_tokens":9,"output_tokens":1,"total_tokens":10}"# : ""
        return #"{"id":"r","object":"response","status":"completed","model":"\#(model)","output":[{"type":"message","#
            + #""role":"assistant","content":[{"type":"output_text","text":"ready"}]}]\#(usage)}"#
    }

    // MARK: Streams

    /// The elements before the generated text.
    var opening: String {
        switch endpoint {
        case .messages:
            event("message_start", #""message":\#(message("[]", stopReason: "null", output: 0))"#)
                + event("content_block_start", #""index":0,"content_block":{"type":"text","text":""}"#)
        case .responses:
            event("response.created", #""response":{"object":"response","status":"in_progress"}"#)
                + event("response.output_item.added", #""output_index":0,"item":{"type":"message"}"#)
        default: ""
        }
    }

    func piece(_ text: String) -> String {
        switch endpoint {
        case .messages: event("content_block_delta", #""index":0,"delta":{"type":"text_delta","text":"\#(text)"}"#)
        case .responses: event("response.output_text.delta", #""output_index":0,"delta":"\#(text)""#)
        default: line(text, isDone: false) + "\n"
        }
    }

    private var lastPart: String {
        switch endpoint {
        case .messages:
            event("content_block_stop", #""index":0"#)
                + event(
                    "message_delta",
                    #""delta":{"stop_reason":"end_turn"}"# + (isUsageStated ? #","usage":{"output_tokens":1}"# : ""))
        case .responses: event("response.output_item.done", #""output_index":0,"item":{"type":"message"}"#)
        default: ""
        }
    }

    /// The element that ends a complete stream.
    private var terminator: String {
        switch endpoint {
        case .messages: event("message_stop", nil)
        case .responses: event("response.completed", #""response":\#(response)"#)
        default: line("", isDone: true) + "\n"
        }
    }

    var stream: String {
        let begin = opening + piece("ready")
        switch defect {
        case .dialectStreamTruncated: return begin
        // Ollama's last line of a complete stream states why the text ended.
        case .dialectStreamEndsAsIfComplete:
            return begin + (endpoint.isOllama ? line("", isDone: true, reason: "") + "\n" : terminator)
        case .dialectStreamEndsTwice: return begin + lastPart + terminator + terminator
        default: return begin + lastPart + terminator
        }
    }

    /// What a stream without any content gets if its end is made up.
    var emptyStream: String { opening + lastPart + terminator }

    var streamError: String {
        switch endpoint {
        case .messages: event("error", #""error":{"type":"overloaded_error","message":"the machine did not wake up"}"#)
        case .responses: event("error", #""message":"the machine did not wake up""#)
        default: #"{"error":"the machine did not wake up"}"# + "\n"
        }
    }

    var keepalive: String {
        let isForeign = defect == .foreignKeepalives
        switch endpoint {
        case .messages: return isForeign ? ": waiting\n\n" : event("ping", nil)
        case .responses: return isForeign ? event("ping", nil) : ": waiting\n\n"
        default: return isForeign ? ": waiting\n" : line("", isDone: false) + "\n"
        }
    }

    private func event(_ type: String, _ members: String?) -> String {
        "event: \(type)\ndata: {\"type\":\"\(type)\"\(members.map { ",\($0)" } ?? "")}\n\n"
    }
}
