import NIOCore
import SimpleAICore
import Testing

@testable import Relay

@Suite struct UpstreamTranslationTests {
    private static let error = GatewayError(.endpointNotSupported, "x")

    private func upstream(
        _ endpoints: [Endpoint] = [], messages: MessagesForwarding = .auto, lacks missing: [Endpoint] = []
    ) -> Upstream {
        let upstream = Upstream(runner: "r", host: "h", port: 1, endpoints: endpoints, messages: messages)
        for endpoint in missing { upstream.endpoints.noteMissing(endpoint, of: "m", error: Self.error) }
        return upstream
    }

    /// Whether a call to `/v1/messages` is translated, and whether the runner can serve it at all.
    @Test(
        arguments: [
            ([], .auto, [], false, true), ([], .auto, [.messages], true, true),
            ([], .auto, [.chatCompletions], false, true), ([], .auto, [.messages, .chatCompletions], false, false),
            ([], .native, [.messages], false, false), ([], .translate, [], true, true),
            ([], .translate, [.chatCompletions], false, false), ([.chatCompletions], .auto, [], true, true),
            ([.messages], .auto, [], false, true), ([.embeddings], .auto, [], false, false),
            ([.chatCompletions], .native, [], false, false),
        ] as [([Endpoint], MessagesForwarding, [Endpoint], Bool, Bool)])
    func messages(
        _ stated: [Endpoint], _ mode: MessagesForwarding, _ missing: [Endpoint], _ isTranslated: Bool, _ isServed: Bool
    ) {
        let upstream = upstream(stated, messages: mode, lacks: missing)
        #expect(upstream.translates(.messages, of: "m") == isTranslated)
        #expect((upstream.missing(.messages, of: ["m"]) == nil) == isServed)
        let directory = UpstreamDirectory(["r": upstream])
        directory.noteMissing(.responses, of: "m", at: "r", error: Self.error)
        #expect(directory.runners(lacking: .messages, of: ["m"]).isEmpty == isServed)
    }

    @Test func theErrorNamesTheCallersEndpoint() {
        let error = upstream([.embeddings]).missing(.messages, of: ["m"])
        #expect(error?.message.contains("/v1/messages.") == true)
    }

    @Test func onlyMessagesHaveASetting() {
        #expect(upstream(messages: .native, lacks: [.ollamaChat]).translates(.ollamaChat, of: "m"))
        #expect(!upstream(messages: .translate).translates(.ollamaChat, of: "m"))
        #expect(!upstream(lacks: [.rerank]).mayTranslate(.rerank))
    }

    @Test func anUnusableEndpointIsTranslatedUntilTheEngineWasUnreachable() {
        let upstream = upstream()
        upstream.endpoints.noteServed(.messages)
        #expect(!upstream.endpoints.noteMissing(.messages, of: "m", error: Self.error))
        upstream.endpoints.noteUnusable(.messages)
        #expect(upstream.translates(.messages, of: "m") && !upstream.translates(.ollamaChat, of: "m"))
        upstream.endpoints.forget()
        #expect(!upstream.translates(.messages, of: "m"))
    }

    // MARK: What translations need of the relay

    @Test func onlyChunksAreForwardedToATranslation() throws {
        var relay = EventStreamRelay(
            endpoint: .chatCompletions, model: "m", hidesUsageChunk: false, forwardsChunksOnly: true)
        var forwarded: [String] = []
        let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n"
        let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"
        let text = ": comment\n\n\(chunk)data: \n\nevent: x\n\n\(chunk)\(usage)data: [DONE]\n\n"
        try relay.receive(ByteBuffer(string: text)) { forwarded.append(String(buffer: $0)) }
        #expect(forwarded == [chunk, chunk, usage])
        #expect(relay.phase == .complete)
        #expect(relay.complete().readableBytes == 0)
    }

    /// What a translation cannot read would be missing in a stream that looks complete.
    @Test func anEventThatIsNotJSONFailsATranslatedStream() throws {
        for forwardsChunksOnly in [true, false] {
            var relay = EventStreamRelay(
                endpoint: .chatCompletions, model: "m", hidesUsageChunk: false, forwardsChunksOnly: forwardsChunksOnly)
            try relay.receive(ByteBuffer(string: "data: {\"choices\":[{\n\n")) { _ in }
            if case .failed(let error) = relay.phase {
                #expect(forwardsChunksOnly && error.message == "The engine sent an event that is not JSON.")
            } else {
                #expect(!forwardsChunksOnly)
            }
        }
    }

    @Test func ollamasCountsAreReadInALargeDocument() throws {
        let vector = "[" + Array(repeating: "0.25", count: 20_000).joined(separator: ",") + "]"
        let text = "{\"model\":\"e\",\"embeddings\":[\(vector)],\"total_duration\":1,\"prompt_eval_count\":42}"
        var relay = DocumentRelay(endpoint: .ollamaEmbed, model: "m", statedLength: nil, needsLength: false)
        var output = ""
        for piece in stride(from: 0, to: text.utf8.count, by: 1000) {
            let bytes = Array(text.utf8)[piece..<min(piece + 1000, text.utf8.count)]
            output += String(buffer: try relay.receive(ByteBuffer(bytes: bytes)))
        }
        #expect(output == text.replacing("\"e\"", with: "\"m\""))
        #expect(relay.usage == TokenUsage(prompt: 42, completion: 0))
    }

    @Test(arguments: [
        (#"{"model":"a","stream":true,"stream_options":{"include_usage":true}}"#, #"{"model":"e","stream":true}"#),
        (#"{"model":"a","stream_options":{"include_usage":true},"stop":[]}"#, #"{"model":"e","stop":[]}"#),
        (#"{"model":"a"}"#, #"{"model":"e"}"#),
    ])
    func theUsageOptionOfATranslationIsRemoved(_ text: String, _ expected: String) throws {
        var body = CallBody()
        try body.append(ByteBuffer(string: text))
        let forwarded = body.forwarded(model: "e", addingUsage: false, removingUsage: true)
        #expect(String(buffer: forwarded) == expected)
    }
}
