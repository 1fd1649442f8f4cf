public import SimpleAICore

extension AnthropicMessages {
    /// Translates the body of `/v1/messages` into the body of `/v1/chat/completions`.
    ///
    /// - Throws: `invalidJSON`, or `invalidRequest` with the field's path as `param`.
    public static func chatRequest(from body: ArraySlice<UInt8>) throws(GatewayError) -> Translated {
        try chatRequest(from: MessagesRequest(body))
    }

    /// Translates a request that is already checked.
    public static func chatRequest(from request: MessagesRequest) throws(GatewayError) -> Translated {
        var translation = ChatRequestTranslation(request)
        return try translation.translate()
    }

    /// Checks the types of all values that a translation reads, without writing one.
    /// - Throws: the error of `chatRequest(from:)`.
    public static func check(_ request: MessagesRequest) throws(GatewayError) {
        var translation = ChatRequestTranslation(request, isDiscarding: true)
        _ = try translation.translate()
    }
}

/// Writes a chat completion request for one Messages request.
struct ChatRequestTranslation {
    let request: MessagesRequest
    var output = MessageBytes()
    var dropped = DroppedFields()
    /// Whether the list that is being written needs a comma before its next element.
    private var needsComma = false

    init(_ request: MessagesRequest, isDiscarding: Bool = false) {
        self.request = request
        output.isDiscarding = isDiscarding
        guard !isDiscarding else { return }
        output.bytes.reserveCapacity(request.body.bytes.count + request.body.bytes.count / 8 + 512)
    }

    mutating func translate() throws(GatewayError) -> AnthropicMessages.Translated {
        output.write("{")
        if let model = request.fields["model"] {
            output.write("\"model\":")
            output.write(model.bytes)
            output.write(",")
        }
        output.write("\"messages\":[")
        var messages = ChatMessagesTranslation(output: output, dropped: dropped)
        try messages.translate(system: request.fields["system"], messages: request.fields["messages"])
        (output, dropped) = (messages.output, messages.dropped)
        output.write("]")
        copy("max_tokens", as: "max_tokens")
        if request.isStreaming { output.write(",\"stream\":true,\"stream_options\":{\"include_usage\":true}") }
        copy("temperature", as: "temperature")
        copy("top_p", as: "top_p")
        copy("top_k", as: "top_k")
        if let stops = request.fields["stop_sequences"], !stops.elements.isEmpty { copy("stop_sequences", as: "stop") }
        if let user = request.fields["metadata"]?["user_id"], user.isString {
            output.write(",\"user\":")
            output.write(user.bytes)
        }
        try writeTools()
        try writeResponseFormat()
        recordDropped()
        output.write("}")
        return AnthropicMessages.Translated(body: output.bytes, droppedFields: dropped.paths)
    }

    private mutating func copy(_ field: ExactString, as name: StaticString) {
        guard let value = request.fields[field] else { return }
        output.write(",\"")
        output.write(name)
        output.write("\":")
        output.write(value.bytes)
    }

    // MARK: Tools

    private mutating func writeTools() throws(GatewayError) {
        var names: Set<ExactString> = []
        needsComma = false
        let start = output.bytes.count
        for (index, tool) in (request.fields["tools"]?.elements ?? []).enumerated() {
            guard tool.isObject else { throw MessagesFieldChecks.error("tools.\(index)", "an object") }
            if let name = try writeTool(tool, path: "tools.\(index)") { names.insert(ExactString(name)) }
        }
        guard !names.isEmpty else {
            // Chat completions refuse a choice without tools.
            output.bytes.removeSubrange(start...)
            if request.fields["tool_choice"] != nil { dropped.insert("tool_choice") }
            return
        }
        output.write("]")
        if let choice = request.fields["tool_choice"] { try writeChoice(choice, among: names) }
    }

    private static let toolMembers = ["type", "name", "description", "input_schema", "strict"]

    /// - Returns: the tool's name; nil if it is not a function of the client.
    private mutating func writeTool(_ tool: JSONSlice, path: String) throws(GatewayError) -> String? {
        let type = try MessagesFieldChecks.string(tool["type"], "\(path).type")?.string ?? "custom"
        guard type.isExactly("custom") else {
            dropped.insert("tools[].\(type)")
            return nil
        }
        let name = try MessagesFieldChecks.requiredString(tool["name"], "\(path).name")
        let description = try MessagesFieldChecks.string(tool["description"], "\(path).description")
        let schema = try MessagesFieldChecks.object(tool["input_schema"], "\(path).input_schema")
        let isStrict = try MessagesFieldChecks.boolean(tool["strict"], "\(path).strict")
        output.write(needsComma ? "," : ",\"tools\":[")
        needsComma = true
        output.write("{\"type\":\"function\",\"function\":{\"name\":")
        output.write(name.bytes)
        if let description {
            output.write(",\"description\":")
            output.write(description.bytes)
        }
        output.write(",\"parameters\":")
        if let schema {
            output.write(schema.bytes)
        } else {
            output.write("{\"type\":\"object\",\"properties\":{}}")
        }
        if let isStrict {
            output.write(",\"strict\":")
            output.write(isStrict.bytes)
        }
        output.write("}}")
        var others: [ArraySlice<UInt8>] = []
        tool.forEachMember { key, _ in
            if !Self.toolMembers.contains(where: { JSONSlice.isKey(key, $0) }) { others.append(key) }
        }
        for key in others { dropped.insert(member: key, of: "tools[]") }
        return name.string
    }

    private mutating func writeChoice(_ choice: JSONSlice, among names: Set<ExactString>) throws(GatewayError) {
        let type = try MessagesFieldChecks.requiredString(choice["type"], "tool_choice.type")
        if type.isString("auto") {
            output.write(",\"tool_choice\":\"auto\"")
        } else if type.isString("any") {
            output.write(",\"tool_choice\":\"required\"")
        } else if type.isString("none") {
            output.write(",\"tool_choice\":\"none\"")
        } else if type.isString("tool") {
            let name = try MessagesFieldChecks.requiredString(choice["name"], "tool_choice.name")
            if names.contains(ExactString(name.string ?? "")) {
                output.write(",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":")
                output.write(name.bytes)
                output.write("}}")
            } else {
                // The tool is one of Anthropic's servers, which was dropped.
                dropped.insert("tool_choice")
            }
        } else {
            throw MessagesFieldChecks.error("tool_choice.type", "\"auto\", \"any\", \"tool\" or \"none\"")
        }
        let isSerial = try MessagesFieldChecks.boolean(
            choice["disable_parallel_tool_use"], "tool_choice.disable_parallel_tool_use")
        if let isSerial, isSerial.isTrue { output.write(",\"parallel_tool_calls\":false") }
    }

    // MARK: Other fields

    /// A JSON schema for the whole response: `output_config.format`, or `output_format` as in the API's beta.
    private mutating func writeResponseFormat() throws(GatewayError) {
        let configured = try MessagesFieldChecks.object(
            request.fields["output_config"]?["format"], "output_config.format")
        guard let format = configured ?? request.fields["output_format"] else { return }
        guard let schema = format["schema"], schema.isObject, format["type"]?.isString("json_schema") == true else {
            return dropped.insert(configured == nil ? "output_format" : "output_config.format")
        }
        output.write(
            ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"response\",\"strict\":true,"
        )
        output.write("\"schema\":")
        output.write(schema.bytes)
        output.write("}}")
    }

    private mutating func recordDropped() {
        for name in request.otherMembers { dropped.insert(name) }
        if request.fields["thinking"] != nil { dropped.insert("thinking") }
        for name in request.fields["metadata"]?.memberNames ?? [] where !name.isExactly("user_id") {
            dropped.insert("metadata.\(name)")
        }
        for name in request.fields["output_config"]?.memberNames ?? [] where !name.isExactly("format") {
            dropped.insert("output_config.\(name)")
        }
    }
}
