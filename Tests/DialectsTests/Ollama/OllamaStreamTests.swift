import SimpleAICore
import Testing

@testable import Dialects

@Suite struct OllamaStreamTests {
    private func translation(_ endpoint: OllamaEndpoint = .chat) -> OllamaStreamTranslation {
        OllamaStreamTranslation(endpoint: endpoint, model: "m", clock: OllamaSamples.clock)
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func endsOnce() {
        var stream = translation()
        #expect(text(stream.end()).contains("\"done\":true"))
        #expect(stream.end().isEmpty)
        #expect(stream.receive(Array(#"{"choices":[{"delta":{"content":"x"}}]}"#.utf8)[...]).isEmpty)
    }

    @Test func forwardsTextAtOnce() {
        var stream = translation()
        let first = stream.receive(Array(#"{"choices":[{"delta":{"content":"x"}}]}"#.utf8)[...])
        let expected =
            #"{"model":"m","created_at":"2026-01-02T03:04:05Z","message":{"role":"assistant","content":"x"},"done":false}"#
        #expect(text(first) == expected + "\n")
        let second = stream.receive(Array(#"{"choices":[{"delta":{"content":"y"}}]}"#.utf8)[...])
        #expect(text(second) == text(first).replacing("\"x\"", with: "\"y\""))
    }

    @Test func acceptsWhatOnlyLenientReadersAccept() throws {
        var stream = translation()
        let start = Array(#"{"choices":[{"delta":{"content":""#.utf8)
        let end = Array(#""}}]}"#.utf8)
        // A character that a token limit cut, a control character, half of a surrogate pair.
        for content in [[0x61, 0xF0, 0x9F], [0x61, 0x0B], Array("a\\ud83d".utf8)] as [[UInt8]] {
            for _ in 0..<2 {
                let lines = try OllamaSamples.documents(stream.receive((start + content + end)[...]))
                #expect(lines.first?.object?["message"]?.object?["content"]?.string?.contains("a") == true)
            }
        }
    }

    @Test(arguments: [
        "[]", "{}", "", "{\"choices\":[]}", "{\"choices\":{}}", "{\"choices\":[1]}", "{\"choices\":[{\"index\":1}]}",
    ])
    func refusesDocumentsWithoutChoice(_ text: String) {
        #expect(
            OllamaResponse.response(
                fromCompletion: Array(text.utf8)[...], endpoint: .chat, model: "m", created: "",
                durations: OllamaSamples.durations) == nil)
    }

    @Test func writesErrorsAsOllama() throws {
        let body = OllamaErrors.body("Unknown model \"x\".")
        #expect(text(body) == #"{"error":"Unknown model \"x\"."}"#)
        #expect(OllamaErrors.line("Unknown model \"x\".") == body + [0x0A])
        #expect(text(OllamaErrors.body("")) == #"{"error":"The request failed."}"#)
        #expect(try OllamaSamples.documents(OllamaErrors.line("line\nbreak\u{2028}")).count == 1)
    }

    @Test func writesKeepalives() {
        let chat = OllamaKeepalive.keepalive(model: "m", created: "t")
        #expect(
            text(chat)
                == "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":false}\n"
        )
        let generate = OllamaKeepalive.keepalive(model: "m", created: "t", endpoint: .generate)
        #expect(text(generate) == "{\"model\":\"m\",\"created_at\":\"t\",\"response\":\"\",\"done\":false}\n")
    }

    @Test(arguments: [
        "not json", "[]", "\"x\"", "", #"{"error":"x"}"#, #"{"error":{"message":"x"},"done":true}"#,
    ])
    func failsForNativeLinesThatAreErrors(_ line: String) {
        var reader = OllamaStreamReader(model: "m")
        guard case .failed = reader.receive(Array(line.utf8)[...]) else {
            Issue.record("the line was forwarded")
            return
        }
        #expect(!reader.isComplete)
    }

    @Test func forwardsNativeLinesWithoutModelOrError() {
        var reader = OllamaStreamReader(model: "m")
        for line in [#"{"done":false}"#, #"{"model":"m","error":""}"#, #"{"model":1,"done":"true"}"#] {
            guard case .forward(nil) = reader.receive(Array(line.utf8)[...]) else {
                Issue.record("the line was not forwarded")
                return
            }
        }
        #expect(!reader.isComplete)
        #expect(reader.pieces == 0)
    }

    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000000000Z"), (951_782_399, 5, "2000-02-28T23:59:59.000000005Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000000000Z"),
            (1_767_323_045, 999_999_999, "2026-01-02T03:04:05.999999999Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000000Z"), (-5, -1, "1970-01-01T00:00:00.000000000Z"),
            (.max, .max, "9999-12-31T23:59:59.999999999Z"),
        ] as [(Int, Int, String)])
    func writesTimestamps(_ seconds: Int, _ nanoseconds: Int, _ text: String) {
        #expect(Timestamp.string(seconds: seconds, nanoseconds: nanoseconds) == text)
    }

    @Test func limitsDurations() throws {
        let durations = ResponseDurations(
            total: .seconds(Int64.max), load: .seconds(-1), evaluation: .nanoseconds(1500))
        let clock = ResponseClock(timestamp: { "" }, durations: { durations })
        var stream = OllamaStreamTranslation(endpoint: .chat, model: "m", clock: clock)
        let line = text(stream.end())
        #expect(line.contains("\"total_duration\":9223372036854775807,\"load_duration\":0,\"eval_duration\":1500}"))
    }
}
