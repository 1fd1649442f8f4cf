import Dialects
import NIOCore
import NIOHTTP1
import Relay
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// Streams of other dialects than OpenAI's, however their bytes are cut.
@Suite struct DialectStreamTests {
    private struct Outcome: Equatable {
        var text = ""
        var end: String
    }

    private func expectations(_ endpoint: Endpoint, streams: Bool = true, translated: String? = nil) throws
        -> UpstreamResponse.ResponseExpectations
    {
        var context = ResponseCause.Context(endpoint: endpoint, engineModel: "e", addsUsageOption: translated != nil)
        context.mayTranslate = translated == nil
        if translated != nil { context.sentTo = endpoint.translation }
        let clock = ResponseClock(
            timestamp: { "2026-01-01T00:00:00Z" }, durations: { ResponseDurations(total: .seconds(1)) })
        let request = try translated.flatMap { try DialectRequest(endpoint, Array($0.utf8)[...]) }
        return UpstreamResponse.ResponseExpectations(
            endpoint: endpoint, model: "public", streams: streams, context: context,
            translation: request?.responses(at: endpoint, call: "req-1", model: "public", clock: clock))
    }

    private func head(_ type: String, status: HTTPResponseStatus = .ok) -> HTTPResponseHead {
        HTTPResponseHead(version: .http1_1, status: status, headers: ["Content-Type": type])
    }

    private func relay(
        _ pieces: [Substring], _ expectations: UpstreamResponse.ResponseExpectations, type: String = "text/event-stream"
    ) -> (Outcome, UpstreamResponse) {
        var response = UpstreamResponse(to: expectations)
        var outcome = Outcome(end: "open")
        func forward(_ bytes: ByteBuffer) { outcome.text += String(buffer: bytes) }
        guard case .streamBegan? = response.receive(head(type)) else { return (Outcome(end: "no stream"), response) }
        for piece in pieces {
            guard let event = response.relay(ByteBuffer(substring: piece), forward) else { continue }
            outcome.end = "\(event)"
            return (outcome, response)
        }
        outcome.end = "\(response.end(at: { 0 }, forward))"
        return (outcome, response)
    }

    /// Every way of cutting the stream into two pieces.
    private func everyCut(_ text: String, _ check: ([Substring]) -> Void) {
        for cut in text.indices { check([text[..<cut], text[cut...]]) }
        check([text[...]])
        check(text.indices.map { text[$0...$0] })
    }

    private static let messages =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"a\",\"model\":\"engine\",\"usage\":{\"input_tokens\":7}}}\n\n"
        + "event: ping\ndata: {\"type\":\"ping\"}\n\n"
        + "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"
        + "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n"
    private static let messageStop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

    @Test func nativeMessagesPassWithThePublicModel() throws {
        let expectations = try expectations(.messages)
        let expected = (Self.messages + Self.messageStop).replacing("\"engine\"", with: "\"public\"")
        everyCut(Self.messages + Self.messageStop) { pieces in
            let (outcome, response) = relay(pieces, expectations)
            #expect(outcome == Outcome(text: expected, end: "streamCompleted"))
            #expect(response.usage == TokenUsage(prompt: 7, completion: 3))
            #expect(response.pieces == 1)
            #expect(response.dialectStream?.events == 5)
        }
    }

    @Test func aNativeStreamWithoutItsEndIsTruncated() throws {
        let expectations = try expectations(.messages)
        let (outcome, response) = relay([Self.messages[...]], expectations)
        #expect(outcome.end == "streamEnded(complete: false)")
        #expect(response.tokens == 10)
        // The empty line after the last event is missing.
        let (unterminated, _) = relay([(Self.messages + Self.messageStop).dropLast()], expectations)
        #expect(unterminated.end == "streamCompleted" && unterminated.text.contains(Self.messageStop))
        let (partial, _) = relay([(Self.messages + Self.messageStop).dropLast(5)], expectations)
        #expect(partial.end == "streamEnded(complete: false)")
        #expect(!partial.text.contains("message_stop"), "no part of an event")
    }

    @Test func aNativeErrorEndsTheStream() throws {
        let error =
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n"
        let (outcome, _) = relay([(Self.messages + error)[...]], try expectations(.messages))
        #expect(outcome.end.hasPrefix("streamFailed") && outcome.end.contains("busy"))
        #expect(!outcome.text.contains("busy"))
    }

    private static let lines =
        #"{"model":"engine","message":{"role":"assistant","content":"hi"},"done":false}"# + "\n"
        + #"{"model":"engine","message":{"role":"assistant","content":""},"done":true,"prompt_eval_count":4,"eval_count":2}"#
        + "\n"

    @Test func nativeLinesPassWithThePublicModel() throws {
        let expectations = try expectations(.ollamaChat)
        let expected = Self.lines.replacing("engine", with: "public")
        everyCut(Self.lines) { pieces in
            let (outcome, response) = relay(pieces, expectations, type: "application/x-ndjson")
            #expect(outcome == Outcome(text: expected, end: "streamCompleted"))
            #expect(response.usage == TokenUsage(prompt: 4, completion: 2))
        }
        let (untyped, _) = relay([Self.lines[...]], expectations, type: "text/plain; charset=utf-8")
        #expect(untyped == Outcome(text: expected, end: "streamCompleted"))
        let (truncated, _) = relay([Self.lines.prefix(90)], expectations, type: "application/x-ndjson")
        #expect(truncated.end.contains("Failed") || truncated.end == "streamEnded(complete: false)")
        let (failed, _) = relay(["{\"error\":\"no memory\"}\n"], expectations, type: "application/x-ndjson")
        #expect(failed.end.hasPrefix("streamFailed") && failed.text.isEmpty)
    }

    /// Some engines ignore `stream`.
    @Test(arguments: [(Endpoint.messages, "event: message_stop"), (.ollamaChat, #""done":true"#)])
    func aDocumentBecomesTheStreamThatTheCallerReads(endpoint: Endpoint, last: String) throws {
        let request = #"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#
        var expectations = try expectations(endpoint, translated: request)
        expectations.context.becomesStream = true
        var response = UpstreamResponse(to: expectations)
        _ = response.receive(head("application/json"))
        let completion = """
            {"id":"c","object":"chat.completion","model":"e","choices":[{"index":0,"finish_reason":"stop",\
            "message":{"role":"assistant","content":"hello"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}
            """
        _ = response.collect(ByteBuffer(string: completion))
        guard case .documentReceived(let document) = response.end(at: { 0 }, { _ in }) else {
            Issue.record("no document")
            return
        }
        #expect(document.cause == .result && document.mayEndStream)
        let text = String(buffer: response.document)
        #expect(text.contains("hello") && text.contains(last) && text.hasSuffix("\n"))
    }

    /// A call that is cut must not look complete: clients would execute it.
    @Test(arguments: [Endpoint.messages, .ollamaChat])
    func aStreamThatCannotBeTranslatedFails(endpoint: Endpoint) throws {
        let request = #"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#
        let piece = String(repeating: "x", count: 60_000)
        let call = #"{"index":0,"id":"c","function":{"name":"f","arguments":"\#(piece)"}}"#
        let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[\(call)]}}]}\n\n"
        let pieces = Array(repeating: event[...], count: 100)
        let (outcome, _) = relay(pieces, try expectations(endpoint, translated: request))
        // Anthropic's clients receive the pieces, so that nothing is kept.
        if endpoint == .ollamaChat { #expect(outcome.end.hasPrefix("streamFailed")) }
        #expect(!outcome.text.contains("message_stop") && !outcome.text.contains(#""done":true"#))
    }

    /// llama.cpp serves chat completions at Ollama's path.
    @Test func eventsInPlaceOfLinesNeedATranslation() throws {
        var response = UpstreamResponse(to: try expectations(.ollamaChat))
        guard case .documentReceived(let document)? = response.receive(head("text/event-stream")) else {
            Issue.record("the head alone shows it")
            return
        }
        #expect(document.cause == .formRefused)
        var completion = UpstreamResponse(to: try expectations(.ollamaChat, streams: false))
        _ = completion.receive(head("application/json"))
        _ = completion.collect(ByteBuffer(string: #"{"choices":[{"index":0,"message":{"content":"x"}}]}"#))
        guard case .documentReceived(let document) = completion.end(at: { 0 }, { _ in }) else { return }
        #expect(document.cause == .formRefused)
    }

    private static let chunks =
        "data: {\"id\":\"c\",\"model\":\"engine\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":null}]}\n\n"
        + ": comment\n\n"
        + "data: {\"id\":\"c\",\"model\":\"engine\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":null}]}\n\n"
        + "data: {\"id\":\"c\",\"model\":\"engine\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"c\"},\"finish_reason\":null}]}\n\n"
        + "data: {\"id\":\"c\",\"model\":\"engine\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    private static let usage =
        "data: {\"id\":\"c\",\"model\":\"engine\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3}}\n\n"
    private static let done = "data: [DONE]\n\n"

    @Test(arguments: [
        (Endpoint.messages, #"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}]}"#),
        (.ollamaChat, #"{"model":"m","messages":[{"role":"user","content":"x"}]}"#),
        (.ollamaGenerate, #"{"model":"m","prompt":"x"}"#),
    ])
    func chunksAreTranslated(_ endpoint: Endpoint, _ request: String) throws {
        let expectations = try expectations(endpoint, translated: request)
        let whole = relay([(Self.chunks + Self.usage + Self.done)[...]], expectations).0
        #expect(whole.end == "streamCompleted")
        let end = endpoint == .messages ? "message_stop" : "\"done\":true"
        #expect(whole.text.contains(end) && whole.text.contains("public"))
        #expect(!whole.text.contains("engine") && !whole.text.contains("comment") && !whole.text.contains("[DONE]"))
        everyCut(Self.chunks + Self.usage + Self.done) { pieces in
            let (outcome, response) = relay(pieces, expectations)
            #expect(outcome == whole)
            #expect(response.usage == TokenUsage(prompt: 5, completion: 3))
        }
        let (truncated, _) = relay([Self.chunks.prefix(300)], expectations)
        #expect(truncated.end == "streamEnded(complete: false)" && !truncated.text.contains(end))
        let (unended, _) = relay([(Self.chunks + Self.usage)[...]], expectations)
        #expect(unended.end == "streamEnded(complete: true)" && unended.text.contains(end))
    }

    // MARK: Media

    @Test func mediaAreForwardedAsTheyArrive() throws {
        var response = UpstreamResponse(to: try expectations(.speech, streams: false))
        #expect(response.receive(head("audio/mpeg")) == nil)
        guard case .documentBegan(status: 200)? = response.collect(ByteBuffer(string: "abc")) else {
            Issue.record("speech begins with its first byte")
            return
        }
        #expect(String(buffer: response.document) == "abc" && response.relaysDocument)
        var forwarded = ""
        #expect(response.relayDocument(ByteBuffer(string: "def")) { forwarded += String(buffer: $0) } == nil)
        #expect(forwarded == "def")
        guard case .documentEnded(isComplete: true) = response.end(at: { 0 }, { _ in }) else {
            Issue.record("the framing ends it")
            return
        }
    }

    @Test(arguments: [
        (Endpoint.speech, "audio/mpeg", HTTPResponseStatus.badRequest),
        (.speech, "application/json", .ok), (.embeddings, "audio/mpeg", .ok),
    ])
    func errorsAndDocumentsAreRead(_ endpoint: Endpoint, _ type: String, _ status: HTTPResponseStatus) throws {
        var response = UpstreamResponse(to: try expectations(endpoint, streams: false))
        _ = response.receive(head(type, status: status))
        #expect(response.collect(ByteBuffer(string: "{}")) == nil)
        #expect(!response.relaysDocument)
    }

    @Test(arguments: [
        (#"{"text":"x","usage":{"type":"duration","seconds":12}}"#, 12.0), (#"{"text":"x","duration":3.5}"#, 3.5),
        (#"{"duration":"2.25"}"#, 2.25), (#"{"text":"x"}"#, nil), (#"{"duration":-1}"#, nil),
        (#"{"duration":1e999}"#, nil),
        ("[]", nil), ("x", nil),
    ])
    func theDurationOfAudioIsRead(_ document: String, _ seconds: Double?) {
        #expect(AudioDuration.stated(in: Array(document.utf8)[...]) == seconds)
    }
}
