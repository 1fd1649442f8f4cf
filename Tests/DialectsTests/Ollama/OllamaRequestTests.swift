import Dialects
import SimpleAICore
import Testing

@Suite struct OllamaRequestTests {
    private func request(_ text: String, _ endpoint: OllamaEndpoint = .chat) throws -> OllamaRequest {
        try OllamaRequest(Array(text.utf8)[...], endpoint: endpoint)
    }

    @Test func readsWhatTheGatewayDecidesBy() throws {
        let chat = try request(
            #" {"model":"a:b","messages":[{"role":"user","content":"x"}],"options":{"num_predict":7}}"#)
        #expect(chat.model == "a:b")
        #expect(chat.streams)
        #expect(chat.purpose == .inference)
        #expect(chat.maxTokens == 7)
        #expect(chat.translatedEndpoint == .chatCompletions)
        #expect(try request(#"{"model":"","messages":[]}"#).model == nil)
        #expect(try request(#"{"prompt":"x","stream":false}"#, .generate).streams == false)
        #expect(try request(#"{"input":"x"}"#, .embed).streams == false)
        #expect(try request(#"{"prompt":"x"}"#, .embeddings).translatedEndpoint == .embeddings)
        #expect(try request(#"{"prompt":"x","raw":true}"#, .generate).translatedEndpoint == .completions)
    }

    @Test func insertionAndImagesAreInput() throws {
        #expect(try request(#"{"suffix":"x"}"#, .generate).purpose == .inference)
        #expect(try request(#"{"prompt":"","images":["R0lGODlh"]}"#, .generate).purpose == .inference)
        #expect(try request(#"{"prompt":"x","keep_alive":0}"#, .generate).purpose == .inference)
    }

    @Test(arguments: [
        ("0", true), ("\"0\"", true), ("\"0h0m0.0s\"", true), ("-1", false), ("\"10m\"", false), ("0.5", false),
    ])
    func keepAliveOfZeroUnloads(_ keepAlive: String, _ isUnload: Bool) throws {
        let purpose = try request(#"{"messages":[],"keep_alive":\#(keepAlive)}"#).purpose
        #expect(purpose == (isUnload ? .unload : .load))
    }

    @Test func leavesOutThinkForEnginesThatRefuseIt() throws {
        let chat = try request(#"{"model":"m","messages":[{"role":"user","content":"x"}],"think":false}"#)
        let translation = try chat.translation(sendsThink: false)
        #expect(try OllamaSamples.value(translation.body).object?["chat_template_kwargs"] == nil)
        #expect(translation.droppedFields == ["think"])
        let refusal = #"{"object":"error","message":"chat_template is not supported for Mistral tokenizers."}"#
        #expect(OllamaRequest.refusesThink(EngineError(Array(refusal.utf8)[...])))
        #expect(!OllamaRequest.refusesThink(EngineError(Array(#"{"error":"out of memory"}"#.utf8)[...])))
    }

    @Test func listsABoundedNumberOfDroppedFields() throws {
        let members = (0..<1000).map { "\"field\($0)\":\($0)" }.joined(separator: ",")
        let long = String(repeating: "k", count: 300)
        let chat = try request(
            "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"options\":{\"\(long)\":1},\(members)}")
        #expect(try chat.translation().droppedFields.count == 32)
    }

    @Test func connectsABoundedNumberOfCalls() throws {
        let calls = Array(repeating: #"{"function":{"name":"a"}}"#, count: 20_000).joined(separator: ",")
        let results = Array(repeating: #"{"role":"tool","tool_name":"b"}"#, count: 20_000).joined(separator: ",")
        let chat = try request(#"{"messages":[{"role":"assistant","tool_calls":[\#(calls)]},\#(results)]}"#)
        let body = try OllamaSamples.value(chat.translation().body)
        let messages = try #require(body.object?["messages"]?.array)
        let ids = messages.dropFirst().compactMap { $0.object?["tool_call_id"]?.string }
        #expect(ids.prefix(2) == ["call00001", "call00002"])
        #expect(ids.count == 20_000)
        #expect(Set(ids.map { ExactString($0) }).count == 20_000)
    }

    @Test func engineIDsHaveNineLettersAndDigits() throws {
        let chat = try request(
            #"{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"a"}}]},{"role":"tool","content":"1"}]}"#
        )
        let text = String(decoding: try chat.translation().body, as: UTF8.self)
        #expect(text.contains(#""tool_call_id":"call00001""#))
    }

    @Test func readsTheModelOfAShowRequest() throws {
        func model(_ text: String) throws -> String {
            try OllamaModelDocuments.shownModel(in: Array(text.utf8)[...])
        }
        #expect(try model(#"{"model":"a"}"#) == "a")
        #expect(try model(#" {"name":"b","verbose":true}"#) == "b")
        #expect(try model(#"{"model":"a","name":"b"}"#) == "a")
        for text in ["{}", #"{"model":""}"#, #"{"model":1}"#, #"{"Model":"a"}"#, "[]", "{"] {
            let error = #expect(throws: GatewayError.self) { try model(text) }
            #expect([.invalidRequest, .invalidJSON].contains(error?.code))
        }
    }

    @Test func knowsEndpointsByPath() {
        for endpoint in OllamaEndpoint.allCases { #expect(OllamaEndpoint(path: endpoint.rawValue) == endpoint) }
        #expect(OllamaEndpoint(path: "/api/blobs/sha256:00") == .blobs)
        #expect(OllamaEndpoint(path: "/api/blobsx") == nil)
        #expect(OllamaEndpoint(path: "/api") == nil)
        let unsupported: [OllamaEndpoint] = [.pull, .push, .create, .copy, .delete, .blobs]
        #expect(OllamaEndpoint.allCases.filter { $0.unsupportedMessage != nil } == unsupported)
        #expect(OllamaEndpoint.pull.unsupportedMessage?.contains("does not download models") == true)
    }
}
