import SimpleAICore
import Testing

/// Reads translated requests and lines back, written independently of the translation.
enum OllamaReverse {
    /// The Ollama request that a chat completion request stands for, in the form of `normalized`.
    static func chatRequest(_ value: JSONValue) throws -> [ExactString: JSONValue] {
        let body = try #require(value.object)
        var names: [ExactString: String] = [:]
        var messages: [JSONValue] = []
        for message in try #require(body["messages"]?.array) {
            messages.append(try self.message(#require(message.object), &names))
        }
        var options: [ExactString: JSONValue] = [:]
        for name in [
            "temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty", "repeat_penalty", "top_k", "seed",
            "stop",
        ] as [ExactString] { options[name] = body[name] }
        #expect(body["repetition_penalty"] == body["repeat_penalty"])
        options["num_predict"] = body["max_tokens"]
        var request: [ExactString: JSONValue] = [
            "messages": .array(messages), "options": .object(options), "model": try #require(body["model"]),
            "stream": try #require(body["stream"]),
        ]
        let includesUsage = body["stream_options"]?.object?["include_usage"] == .bool(true)
        #expect(includesUsage == (body["stream"] == .bool(true)))
        switch body["response_format"]?.object?["type"]?.string {
        case "json_object": request["format"] = .string("json")
        case "json_schema": request["format"] = body["response_format"]?.object?["json_schema"]?.object?["schema"]
        default: break
        }
        request["think"] = body["reasoning_effort"] ?? body["chat_template_kwargs"]?.object?["enable_thinking"]
        return request
    }

    private static func message(
        _ message: [ExactString: JSONValue], _ names: inout [ExactString: String]
    ) throws -> JSONValue {
        var result: [ExactString: JSONValue] = ["role": try #require(message["role"])]
        if let parts = message["content"]?.array {
            result["images"] = .array(
                parts.compactMap { part in
                    let url = part.object?["image_url"]?.object?["url"]?.string
                    return url.flatMap { $0.split(separator: ",").last }.map { .string(String($0)) }
                })
            result["content"] = .string(parts.compactMap { $0.object?["text"]?.string }.joined())
        } else {
            result["content"] = message["content"]
        }
        result["thinking"] = message["reasoning_content"]
        if let calls = message["tool_calls"]?.array {
            result["tool_calls"] = .array(
                try calls.map { call in
                    let function = try #require(call.object?["function"]?.object)
                    let (id, name) = (try #require(call.object?["id"]?.string), try #require(function["name"]?.string))
                    names[ExactString(id)] = name
                    let arguments = try OllamaSamples.value(#require(function["arguments"]?.string).utf8)
                    return .object(["function": .object(["name": .string(name), "arguments": arguments])])
                })
        }
        if let id = message["tool_call_id"]?.string { result["tool_name"] = names[ExactString(id)].map { .string($0) } }
        return .object(result)
    }

    /// A request without members that mean nothing.
    static func normalized(_ request: [ExactString: JSONValue]) -> [ExactString: JSONValue] {
        var request = request.filter { $0.value != .null }
        request["messages"] = .array(
            (request["messages"]?.array ?? []).map { message in
                .object((message.object ?? [:]).filter { !($0.key == "images" && $0.value == .array([])) })
            })
        return request
    }

    /// The document that the lines of a stream stand for.
    static func joined(_ lines: [JSONValue]) throws -> [ExactString: JSONValue] {
        var document = try #require(lines.last?.object)
        var (content, thinking): (String, String) = ("", "")
        var calls: [JSONValue] = []
        for line in lines {
            let message = line.object?["message"]?.object ?? line.object ?? [:]
            content += (message["content"] ?? message["response"])?.string ?? ""
            thinking += message["thinking"]?.string ?? ""
            calls += message["tool_calls"]?.array ?? []
        }
        var message: [ExactString: JSONValue] = [:]
        if document["message"] != nil {
            message = ["role": .string("assistant"), "content": .string(content)]
        } else {
            document["response"] = .string(content)
        }
        if !thinking.isEmpty { message["thinking"] = .string(thinking) }
        if !calls.isEmpty { message["tool_calls"] = .array(calls) }
        if document["message"] != nil { document["message"] = .object(message) } else { document.merge(message) { $1 } }
        return document
    }
}
