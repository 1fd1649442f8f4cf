import SimpleAICore

/// Responses of Ollama's inference endpoints that are not streamed.
public enum OllamaResponse {
    /// The response to a chat or generate request.
    /// - Parameters:
    ///   - body: an engine's (chat) completion.
    ///   - model: the model id for the client.
    ///   - created: the current time (RFC 3339).
    /// - Returns: nil if the body is not a completion with a choice.
    public static func response(
        fromCompletion body: ArraySlice<UInt8>, endpoint: OllamaEndpoint, model: String, created: String,
        durations: ResponseDurations
    ) -> [UInt8]? {
        guard let completion = OllamaCompletion(body, isChunk: false), completion.hasChoice else { return nil }
        let (calls, textOfCalls) = OllamaToolCall.sorted(OllamaToolCall.all(in: completion))
        var writer = OllamaWriter(capacity: body.count + 512)
        begin(&writer, model: model, created: created)
        if endpoint == .generate {
            writeText(completion, textOfCalls, key: "response", to: &writer)
        } else {
            writer.key("message")
            writer.beginObject()
            writer.key("role")
            writer.string("assistant")
            writeText(completion, textOfCalls, key: "content", to: &writer)
            OllamaToolCall.write(calls, to: &writer)
            writer.endObject()
        }
        if let logprobs = completion.logprobs {
            writer.key("logprobs")
            writer.raw(logprobs.bytes)
        }
        OllamaLines.writeEnd(
            to: &writer, reason: OllamaLines.doneReason(for: completion.finishReason), usage: completion.usage,
            durations: durations)
        writer.endObject()
        return writer.bytes
    }

    private static func writeText(
        _ completion: OllamaCompletion, _ textOfCalls: String?, key: StaticString, to writer: inout OllamaWriter
    ) {
        writer.key(key)
        switch (completion.text, textOfCalls) {
        case (let text?, nil): writer.text(text)
        case (let text?, let calls?): writer.string((text.string ?? OllamaWriter.joinedText(of: text)) + "\n" + calls)
        case (nil, let calls): writer.string(calls ?? "")
        }
        guard let thinking = completion.thinking else { return }
        writer.key("thinking")
        writer.text(thinking)
    }

    /// The response to an embed or embeddings request.
    /// - Parameter body: an engine's response to `/v1/embeddings`.
    /// - Returns: nil if the body is not a list of embeddings of finite numbers, or empty for `embeddings`.
    public static func response(
        fromEmbeddings body: ArraySlice<UInt8>, endpoint: OllamaEndpoint, model: String, durations: ResponseDurations
    ) -> [UInt8]? {
        guard let members = JSONMembers(document: body, keys: ["data", "usage"], grammar: .lenient),
            let data = members["data"], data.isArray, let embeddings = embeddings(in: data)
        else { return nil }
        var writer = OllamaWriter(capacity: body.count + 256)
        writer.beginObject()
        guard endpoint == .embed else {
            guard let first = embeddings.first else { return nil }
            writer.key("embedding")
            writer.raw(first)
            writer.endObject()
            return writer.bytes
        }
        writer.key("model")
        writer.string(model)
        writer.key("embeddings")
        writer.beginArray()
        for embedding in embeddings { writer.raw(embedding) }
        writer.endArray()
        writer.key("total_duration")
        writer.integer(ResponseDurations.nanoseconds(durations.total))
        if let load = durations.load {
            writer.key("load_duration")
            writer.integer(ResponseDurations.nanoseconds(load))
        }
        if let usage = members["usage"].flatMap({ TokenUsage($0) }) {
            writer.key("prompt_eval_count")
            writer.integer(usage.prompt)
        }
        writer.endObject()
        return writer.bytes
    }

    /// The embeddings in the order of the inputs.
    private static func embeddings(in data: JSONSlice) -> [ArraySlice<UInt8>]? {
        var embeddings: [(index: Int, bytes: ArraySlice<UInt8>)] = []
        for (position, element) in data.elements.enumerated() {
            guard let embedding = element["embedding"], embedding.isArray,
                embedding.bytes.dropFirst().dropLast().allSatisfy(isInNumbers)
            else { return nil }
            embeddings.append((element["index"]?.integer ?? position, embedding.bytes))
        }
        return embeddings.sorted { $0.index < $1.index }.map(\.bytes)
    }

    /// Whether a byte may occur in a list of finite numbers; `NaN` and `Infinity` have other letters.
    private static func isInNumbers(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: ","), 0x20, 0x0A, 0x0D, 0x09:
            true
        default: false
        }
    }

    /// The response to a request without input (`OllamaRequest.Purpose`), which is one document even if a stream was
    /// requested.
    public static func withoutInput(to request: OllamaRequest, model: String, created: String) -> [UInt8] {
        var writer = OllamaWriter()
        switch request.endpoint {
        case .embed:
            writer.beginObject()
            writer.key("model")
            writer.string(model)
            writer.key("embeddings")
            writer.beginArray()
            writer.endArray()
        case .chat, .generate:
            begin(&writer, model: model, created: created)
            if request.endpoint == .chat {
                writer.key("message")
                writer.beginObject()
                writer.key("role")
                writer.string("assistant")
                writer.key("content")
                writer.string("")
                writer.endObject()
            } else {
                writer.key("response")
                writer.string("")
            }
            writer.key("done")
            writer.bool(true)
            writer.key("done_reason")
            writer.string(request.purpose == .unload ? "unload" : "load")
        default:
            writer.beginObject()
            writer.key("embedding")
            writer.beginArray()
            writer.endArray()
        }
        writer.endObject()
        return writer.bytes
    }

    private static func begin(_ writer: inout OllamaWriter, model: String, created: String) {
        writer.beginObject()
        writer.key("model")
        writer.string(model)
        writer.key("created_at")
        writer.string(created)
    }
}
