import SimpleAICore
import Testing

@testable import Dialects

@Suite struct AnthropicRequestErrorTests {
    /// Bodies with one wrong field each, and the path that the error names.
    static let wrongFields: [(body: String, param: String?)] = [
        (#"[]"#, nil), (#""text""#, nil),
        (#"{"model":5,"messages":[{"role":"user","content":"a"}]}"#, "model"),
        (#"{"model":"m"}"#, "messages"),
        (#"{"model":"m","messages":null}"#, "messages"),
        (#"{"model":"m","messages":{}}"#, "messages"),
        (#"{"model":"m","messages":[]}"#, "messages"),
        (#"{"model":"m","messages":["a"]}"#, "messages.0"),
        (#"{"model":"m","messages":[{"content":"a"}]}"#, "messages.0.role"),
        (#"{"model":"m","messages":[{"role":"tool","content":"a"}]}"#, "messages.0.role"),
        (#"{"model":"m","messages":[{"role":"user"}]}"#, "messages.0.content"),
        (#"{"model":"m","messages":[{"role":"user","content":5}]}"#, "messages.0.content"),
        (#"{"model":"m","messages":[{"role":"user","content":["a"]}]}"#, "messages.0.content.0"),
        (#"{"model":"m","messages":[{"role":"user","content":[{"text":"a"}]}]}"#, "messages.0.content.0.type"),
        (
            #"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":5}]}]}"#,
            "messages.0.content.0.text"
        ),
        (#"{"model":"m","messages":[{"role":"user","content":[{"type":"image"}]}]}"#, "messages.0.content.0.source"),
        (
            #"{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png"}}]}]}"#,
            "messages.0.content.0.source.data"
        ),
        (
            #"{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":5}}]}]}"#,
            "messages.0.content.0.source.url"
        ),
        (
            #"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","content":"a"}]}]}"#,
            "messages.0.content.0.tool_use_id"
        ),
        (
            #"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":5}]}]}"#,
            "messages.0.content.0.content"
        ),
        (
            #"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":1}]}]}"#,
            "messages.0.content.0.is_error"
        ),
        (
            #"{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","name":"f","input":{}}]}]}"#,
            "messages.0.content.0.id"
        ),
        (
            #"{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","input":{}}]}]}"#,
            "messages.0.content.0.name"
        ),
        (
            #"{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":"{}"}]}]}"#,
            "messages.0.content.0.input"
        ),
        (
            #"{"model":"m","messages":[{"role":"assistant","content":[{"type":"thinking","thinking":5}]}]}"#,
            "messages.0.content.0.thinking"
        ),
    ]

    /// Blocks of a turn of the user, and the path that the error names, after that of the turn's content.
    static let wrongBlocks: [(block: String, param: String)] = [
        (#"{"type":"document"}"#, "0.source"), (#"{"type":"document","source":{}}"#, "0.source.type"),
        (#"{"type":"document","source":{"type":"text","data":5}}"#, "0.source.data"),
        (#"{"type":"document","title":5,"source":{"type":"text","data":"d"}}"#, "0.title"),
        (#"{"type":"document","source":{"type":"content","content":5}}"#, "0.source.content"),
        (
            #"{"type":"document","source":{"type":"content","content":[{"type":"text","text":5}]}}"#,
            "0.source.content.0.text"
        ),
        (#"{"type":"search_result","source":5}"#, "0.source"),
        (#"{"type":"search_result","content":[{"type":"text","text":5}]}"#, "0.content.0.text"),
        (#"{"type":"text","text":"a"},{"type":"image"}"#, "1.source"),
        (
            #"{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"a"},{"type":"text","text":5}]}"#,
            "0.content.1.text"
        ),
    ]

    @Test(arguments: wrongBlocks.indices)
    func namesTheWrongBlock(_ index: Int) {
        let (block, param) = Self.wrongBlocks[index]
        expectError(
            #"{"messages":[{"role":"user","content":"a"},{"role":"user","content":[\#(block)]}]}"#,
            "messages.1.content.\(param)")
    }

    /// Values of single fields, added to a valid request.
    static let wrongValues: [(field: String, param: String)] = [
        (#""max_tokens":"100""#, "max_tokens"), (#""max_tokens":1.5"#, "max_tokens"),
        (#""max_tokens":0"#, "max_tokens"),
        (#""max_tokens":-1"#, "max_tokens"), (#""stream":"true""#, "stream"), (#""stream":1"#, "stream"),
        (#""system":5"#, "system"), (#""system":{"type":"text"}"#, "system"),
        (#""system":[{"type":"text"}]"#, "system.0.text"),
        (#""tools":{}"#, "tools"), (#""tools":["f"]"#, "tools.0"), (#""tools":[{"input_schema":{}}]"#, "tools.0.name"),
        (#""tools":[{"name":"f","input_schema":"{}"}]"#, "tools.0.input_schema"),
        (#""tools":[{"name":"f","description":5}]"#, "tools.0.description"),
        (#""tools":[{"name":"f","type":5}]"#, "tools.0.type"),
        (#""tools":[{"name":"f","strict":"yes"}]"#, "tools.0.strict"),
        (#""tool_choice":"auto""#, "tool_choice"), (#""tools":[{"name":"f"}],"tool_choice":{}"#, "tool_choice.type"),
        (#""tools":[{"name":"f"}],"tool_choice":{"type":"all"}"#, "tool_choice.type"),
        (#""tools":[{"name":"f"}],"tool_choice":{"type":"tool"}"#, "tool_choice.name"),
        (
            #""tools":[{"name":"f"}],"tool_choice":{"type":"any","disable_parallel_tool_use":1}"#,
            "tool_choice.disable_parallel_tool_use"
        ),
        (#""stop_sequences":"x""#, "stop_sequences"), (#""stop_sequences":["x",1]"#, "stop_sequences.1"),
        (#""metadata":"u""#, "metadata"), (#""metadata":{"user_id":5}"#, "metadata.user_id"),
        (#""temperature":"1""#, "temperature"), (#""top_p":[]"#, "top_p"), (#""top_k":1.5"#, "top_k"),
        (#""thinking":"on""#, "thinking"), (#""thinking":{"type":5}"#, "thinking.type"),
        (#""output_config":[]"#, "output_config"), (#""output_config":{"format":"json"}"#, "output_config.format"),
        (#""max_tokens":1,"max_tokens":2"#, "max_tokens"), (#""Model":"x""#, "model"),
        (#""maxTokens":5"#, "max_tokens"),
    ]

    @Test(arguments: wrongFields.indices)
    func namesTheWrongField(_ index: Int) {
        let (body, param) = Self.wrongFields[index]
        expectError(body, param)
    }

    @Test(arguments: wrongValues.indices)
    func namesTheFieldWithAWrongValue(_ index: Int) {
        let (field, param) = Self.wrongValues[index]
        expectError(#"{"model":"m","messages":[{"role":"user","content":"a"}],\#(field)}"#, param)
    }

    private func expectError(_ body: String, _ param: String?) {
        let error = #expect(throws: GatewayError.self, "\(body)") {
            try AnthropicMessages.chatRequest(from: Array(body.utf8)[...])
        }
        // A request is refused when its body is complete, before it waits for a runner.
        for endpoint in [Endpoint.messages, .countTokens] {
            let early = #expect(throws: GatewayError.self) { try DialectRequest(endpoint, Array(body.utf8)[...]) }
            #expect(early == error)
        }
        #expect(error?.code == .invalidRequest)
        #expect(error?.param == param, "\(body)")
        if let param { #expect(error?.message.contains(param.split(separator: ".").last ?? "") == true) }
    }

    @Test(arguments: ["", "{", "{\"model\":}", "\u{FEFF}{}", "{\"a\":NaN}"])
    func refusesMalformedJSON(_ body: String) {
        let error = #expect(throws: GatewayError.self) { try MessagesRequest(Array(body.utf8)[...]) }
        #expect(error?.code == .invalidJSON)
    }

    @Test func boundsNames() throws {
        func body(model: Int, user: Int) -> ArraySlice<UInt8> {
            let (model, user) = (String(repeating: "m", count: model), String(repeating: "u", count: user))
            return Array(
                #"{"model":"\#(model)","metadata":{"user_id":"\#(user)"},"messages":[{"role":"user","content":"a"}]}"#
                    .utf8)[
                    ...]
        }
        #expect(try MessagesRequest(body(model: 512, user: 4_094)).user?.utf8.count == 4_094)
        let longModel = #expect(throws: GatewayError.self) { try MessagesRequest(body(model: 513, user: 1)) }
        #expect(longModel?.param == "model")
        let longUser = #expect(throws: GatewayError.self) { try MessagesRequest(body(model: 1, user: 4_097)) }
        #expect(longUser?.param == "metadata.user_id")
    }

    @Test func readsWhatTheGatewayNeeds() throws {
        let text =
            #" {"model":"a\u002fb","stream":true,"max_tokens":7,"metadata":{"user_id":"u"},"messages":[{"role":"user","content":"a"}]}"#
        let request = try MessagesRequest(Array("xx\(text)".utf8)[2...])
        #expect(request.isStreaming && request.maxTokens == 7 && request.user == "u")
        #expect(!request.includesThinking)
    }

    @Test(arguments: [("enabled", true), ("adaptive", true), ("disabled", false)])
    func readsWhetherThinkingIsWanted(_ type: String, _ isWanted: Bool) throws {
        let body = #"{"messages":[{"role":"user","content":"a"}],"thinking":{"type":"\#(type)"}}"#
        let request = try MessagesRequest(Array(body.utf8)[...])
        #expect(request.includesThinking == isWanted)
    }

    /// Names of fields come from callers, and go into a log line.
    @Test func boundsDroppedFields() throws {
        let many = (0..<200).map { #""field\#($0)":1"# }.joined(separator: ",")
        let long = String(repeating: "x", count: 5_000)
        let body = #"{"messages":[{"role":"user","content":"a"}],"bad\nname":1,"\#(long)":1,\#(many)}"#
        // A key of that length is refused before it is listed.
        #expect(throws: GatewayError.self) { try AnthropicMessages.chatRequest(from: Array(body.utf8)[...]) }
        let short = body.replacing(long, with: String(repeating: "x", count: 200))
        let dropped = try AnthropicMessages.chatRequest(from: Array(short.utf8)[...]).droppedFields
        #expect(dropped.count == 32)
        #expect(dropped.contains("bad?name"))
        #expect(dropped.allSatisfy { $0.utf8.count <= 96 })
    }
}
