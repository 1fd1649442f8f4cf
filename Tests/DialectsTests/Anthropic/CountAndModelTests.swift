import Dialects
import SimpleAICore
import Testing

@Suite struct TokenCountTests {
    private func count(_ body: String) throws -> Int {
        AnthropicMessages.estimatedTokens(of: try MessagesRequest(Array(body.utf8)[...]))
    }

    private func count(text: String) throws -> Int {
        let encoded = JSONString.encode(text)
        return try count(#"{"messages":[{"role":"user","content":\#(encoded)}]}"#) - 4
    }

    /// Texts with the range of tokens that the vocabularies of usual local models give.
    @Test(arguments: [
        ("", 0...0), ("Hello, world!", 3...5), ("The quick brown fox jumps over the lazy dog.", 9...12),
        ("internationalization", 2...5), ("1234567890", 3...10), ("    return x\n", 3...6),
        ("func main() {\n\tfmt.Println(\"hi\")\n}\n", 12...20), ("Привет, как дела?", 4...9), ("今日はいい天気です", 5...10),
        ("----------", 1...5), ("😀😀", 2...6), ("Schöne Grüße aus Köln", 5...9),
    ])
    func estimatesTexts(_ text: String, _ expected: ClosedRange<Int>) throws {
        let tokens = try count(text: text)
        #expect(expected.contains(tokens), "\(tokens)")
    }

    /// An escape counts as what it stands for.
    @Test func escapesDoNotCount() throws {
        let plain = try count(#"{"messages":[{"role":"user","content":"añ€😀 b/c"}]}"#)
        let escaped = try count(#"{"messages":[{"role":"user","content":"\u0061\u00f1\u20ac\ud83d\ude00 b\/c"}]}"#)
        #expect(plain == escaped)
        #expect(try count(#"{"messages":[{"role":"user","content":"a\\"}]}"#) == 6)
    }

    @Test func countsEverythingThatEntersThePrompt() throws {
        let messages = #""messages":[{"role":"user","content":"hi"}]"#
        let base = try count("{\(messages)}")
        #expect(base == 5)
        #expect(try count(#"{\#(messages),"system":"Be brief."}"#) == base + 4 + 3)
        #expect(try count(#"{\#(messages),"system":[{"type":"text","text":"Be brief."}]}"#) == base + 4 + 3)
        #expect(
            try count(#"{\#(messages),"system":[{"type":"text","text":"x-anthropic-billing-header: a b c"}]}"#) == base
                + 4)
        #expect(
            try count(#"{\#(messages),"tools":[{"name":"f","description":"Be brief.","input_schema":{}}]}"#) > base + 8
                + 4)
        let image = #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAAAAAA"}}"#
        #expect(try count(#"{"messages":[{"role":"user","content":[\#(image)]}]}"#) == 4 + 1_600)
        let result = #"{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"hi"},\#(image)]}"#
        #expect(try count(#"{"messages":[{"role":"user","content":[\#(result)]}]}"#) == 4 + 8 + 1 + 1_600)
        let call = #"{"type":"tool_use","id":"t","name":"f","input":{"a":"hi"}}"#
        #expect(try count(#"{"messages":[{"role":"assistant","content":[\#(call)]}]}"#) > 4 + 8 + 4)
        let thinking = #"{"type":"thinking","thinking":"hi","signature":"AAAAAAAAAAAA"}"#
        #expect(try count(#"{"messages":[{"role":"assistant","content":[\#(thinking)]}]}"#) == 4 + 1)
        let document = #"{"type":"document","source":{"type":"base64","data":"AAAA"}}"#
        #expect(try count(#"{"messages":[{"role":"user","content":[\#(document)]}]}"#) == 4 + 5_000)
    }

    @Test func writesTheResponse() throws {
        let request = try MessagesRequest(Array(#"{"messages":[{"role":"user","content":"hi"}]}"#.utf8)[...])
        let response = AnthropicMessages.tokenCount(of: request)
        #expect(String(decoding: response, as: UTF8.self) == #"{"input_tokens":5}"#)
    }

    /// Documents of text count as their text.
    @Test func countsTextsOfDocuments() throws {
        func block(_ block: String) throws -> Int {
            try count(#"{"messages":[{"role":"user","content":[\#(block)]}]}"#) - 4
        }
        #expect(try block(#"{"type":"document","title":"hi","source":{"type":"text","data":"hi"}}"#) == 2)
        #expect(
            try block(#"{"type":"document","source":{"type":"content","content":[{"type":"text","text":"hi"}]}}"#) == 1)
        #expect(
            try block(#"{"type":"search_result","title":"hi","source":"hi","content":[{"type":"text","text":"hi"}]}"#)
                == 3)
    }

    /// Claude Code's billing header does not reach the engine.
    @Test func theBillingHeaderDoesNotCount() throws {
        let base = try count(#"{"messages":[{"role":"user","content":"hi"}],"system":"hi"}"#)
        let header = #"x-anthropic-billing-header: a b c\nhi"#
        for system in ["\"\(header)\"", "[{\"type\":\"text\",\"text\":\"\(header)\"}]"] {
            #expect(try count(#"{"messages":[{"role":"user","content":"hi"}],"system":\#(system)}"#) == base)
        }
    }

    /// The count itself does not fail: the checks of the request precede it.
    @Test func wrongTypesCountAsAbsent() throws {
        #expect(try count(#"{"messages":[{"role":"user","content":[{"type":"text","text":5},7]},8]}"#) == 8)
        let body = #"{"messages":[{"role":"user","content":[{"type":"text"}]}]}"#
        let error = #expect(throws: GatewayError.self) { try DialectRequest(.countTokens, Array(body.utf8)[...]) }
        #expect(error?.param == "messages.0.content.0.text")
    }
}

@Suite struct AnthropicModelListTests {
    private static let models = (1...5).map {
        AnthropicMessages.Model(
            id: "m\($0)", displayName: "Model \($0)", created: 1_735_689_600, contextLength: $0 == 1 ? 8_192 : nil)
    }

    private func list(_ query: String) throws -> JSONValue {
        try value(AnthropicMessages.modelList(Self.models, page: .init(query: query)))
    }

    /// A query, the ids of the page, and whether there are more.
    @Test(arguments: [
        ("", ["m1", "m2", "m3", "m4", "m5"], false), ("limit=1000", ["m1", "m2", "m3", "m4", "m5"], false),
        ("limit=2", ["m1", "m2"], true), ("limit=2&after_id=m2", ["m3", "m4"], true),
        ("after_id=m4&limit=2", ["m5"], false), ("after_id=m5", [], false), ("before_id=m1", [], false),
        ("limit=2&before_id=m4", ["m2", "m3"], true), ("limit=3&before_id=m4", ["m1", "m2", "m3"], false),
        ("beta=true&limit=5", ["m1", "m2", "m3", "m4", "m5"], false), ("after_id=%6d4", ["m5"], false),
    ])
    func pages(_ query: String, _ ids: [String], _ hasMore: Bool) throws {
        let list = try #require(try list(query).object)
        #expect(list["data"]?.array?.compactMap { $0.object?["id"]?.string } == ids)
        #expect(list["has_more"] == .bool(hasMore))
        #expect(list["first_id"] == ids.first.map { .string($0) } ?? .null)
        #expect(list["last_id"] == ids.last.map { .string($0) } ?? .null)
    }

    @Test(arguments: [
        ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit", "limit"),
        ("after_id=zz", "after_id"), ("before_id=", "before_id"), ("after_id=m1&before_id=m2", "before_id"),
    ])
    func refusesPages(_ query: String, _ param: String) {
        let error = #expect(throws: GatewayError.self) { try list(query) }
        #expect(error?.param == param)
    }

    @Test func writesAModel() throws {
        let expected =
            #"{"type":"model","id":"m1","display_name":"Model 1","created_at":"2025-01-01T00:00:00Z","lifecycle":"active","max_input_tokens":8192,"max_tokens":null}"#
        #expect(try value(AnthropicMessages.modelDocument(Self.models[0])) == value(expected.utf8))
        let empty = try AnthropicMessages.modelList([], page: .init())
        #expect(try value(empty) == value(#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#.utf8))
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"), (4_102_444_799, "2099-12-31T23:59:59Z"), (-1, "1970-01-01T00:00:00Z"),
        (Int.max, "9999-12-31T23:59:59Z"), (Int.min, "1970-01-01T00:00:00Z"),
    ])
    func writesTimes(_ seconds: Int, _ text: String) {
        let model = AnthropicMessages.Model(id: "m", displayName: "m", created: seconds)
        let document = String(decoding: AnthropicMessages.modelDocument(model), as: UTF8.self)
        #expect(document.contains(#""created_at":"\#(text)""#))
    }
}
