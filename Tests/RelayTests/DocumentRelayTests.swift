import NIOCore
import SimpleAICore
import Testing

@testable import Relay

@Suite struct DocumentRelayTests {
    private struct Passed {
        var text = ""
        var hasBegun = false
        var length: Int?
        var isComplete = false
        var usage: TokenUsage?
        var id: String?
        var collected = ""
        var isMalformed = false
    }

    private func pass(
        _ document: String, pieces size: Int = .max, endpoint: Endpoint = .chatCompletions, statedLength: Bool = true,
        needsLength: Bool = false
    ) -> Passed {
        let bytes = Array(document.utf8)
        var relay = DocumentRelay(
            endpoint: endpoint, model: "public", statedLength: statedLength ? bytes.count : nil,
            needsLength: needsLength)
        var passed = Passed()
        // Pieces may end inside of a character.
        var text = ByteBuffer()
        var start = 0
        while start < bytes.count {
            let end = size >= bytes.count - start ? bytes.count : start + size
            do {
                var piece = try relay.receive(ByteBuffer(bytes: bytes[start..<end]))
                text.writeBuffer(&piece)
            } catch {
                passed.isMalformed = true
                break
            }
            start = end
        }
        passed.text = String(buffer: text)
        (passed.hasBegun, passed.length, passed.isComplete) = (relay.hasBegun, relay.length, relay.isComplete)
        (passed.usage, passed.id) = (relay.usage, relay.id)
        if !relay.hasBegun { passed.collected = String(buffer: relay.collected) }
        return passed
    }

    private static let usage = #""usage":{"prompt_tokens":1,"completion_tokens":2,"x":[{"a":"}"}]}"#

    /// However the document is cut, the relayed result equals a buffered one.
    @Test(arguments: [
        #"{"id":"1","model":"local","choices":[{"model":"local","text":"a\"}],\\"}],"# + usage + "}",
        #"{"model":"public","choices":[{}],"# + usage + "}",
        " {\n\"model\" : \"local\" , \"data\" : [ 1.5 , -2 ] }\r\n",
        #"{"object":"list","data":[{"embedding":[NaN,-Infinity,1e5]}],"model":"local","# + usage + "}",
        #"{"choices":[{"text":"{\"model\":\"local\"}"}],"model":"publi\u0063"}"#, #"{"model":null,"content":"x"}"#,
        #"{"model":{"a":1},"embedding":[0],"error":null}"#, "\u{FEFF}{\"model\":\"local\",\"results\":[0]}",
        #"{"error":{"message":"late"},"choices":[{"text":"é\u00e9"}],"model":"local"}"#,
        #"{"a":1,"b":true,"c":null,"":{},"response":"x","model":"local"}"#,
    ])
    func aForwardedResultEqualsACollectedOne(document: String) throws {
        let whole = try #require(ModelRewriter.restore(ByteBuffer(string: document), model: "public"))
        for size in 1...document.utf8.count {
            let passed = pass(document, pieces: size)
            #expect(passed.text == String(buffer: whole.body), "in pieces of \(size)")
            #expect(passed.hasBegun && passed.isComplete && !passed.isMalformed)
            #expect(passed.usage == whole.usage)
            if let length = passed.length { #expect(length == whole.body.readableBytes, "in pieces of \(size)") }
        }
    }

    @Test(arguments: [
        #"{"error":{"message":"x"}}"#, #"{"error":"x","choices":[],"data":null,"content":""}"#,
        #"{"object":"error","message":"x","choices":[ ] }"#, #"{"id":"x","object":"list","filler":[1,2]}"#, "[1,2]",
        "<html>", "", "{\"filler\":\"\(String(repeating: "x", count: 99))\"}", #"{"x":{"choices":[1]}}"#, "{} {}",
        "{1:2}", #"{"a" "b"}"#,
    ])
    func collectsADocumentThatIsNotAResult(document: String) {
        for size in [1, 3, .max] {
            let passed = pass(document, pieces: size)
            #expect(!passed.hasBegun && passed.text.isEmpty)
            #expect(passed.collected == document)
        }
    }

    @Test func statesTheLengthIfItIsKnown() {
        let first = #"{"model":"local","choices":[1]}"#
        #expect(pass(first).length == first.utf8.count + 1)
        #expect(pass(first, statedLength: false).length == nil)
        #expect(pass(#"{"model":"public","choices":[1]}"#).length == 32)
        #expect(pass(#"{"choices":[1],"model":"public"}"#, pieces: 14).length == nil, "the name may be another one")
    }

    /// HTTP/1.0: a document without a length is buffered until its length is known.
    @Test func aDocumentThatNeedsALengthWaitsForItsEnd() {
        let late = #"{"choices":[1],"model":"local","x":0}"#
        let passed = pass(late, pieces: 4, needsLength: true)
        #expect(passed.length == late.utf8.count + 1 && passed.text == late.replacing("local", with: "public"))
        #expect(pass(late, statedLength: false, needsLength: true).collected == late)
    }

    @Test(arguments: [#"{"choices":[1]"#, #"{"choices":[1],"x":"}"#, #"{"choices":"abc"#, #"{"choices":[1],"#])
    func aTruncatedDocumentIsNotComplete(document: String) {
        let passed = pass(document)
        #expect(passed.hasBegun && !passed.isComplete)
    }

    @Test(arguments: [#"{"choices":[1]}{"#, #"{"choices":[1],,}"#, #"{"choices":[1],"a":}"#, #"{"choices":[1] x}"#])
    func invalidBytesAfterTheBeginAreMalformed(document: String) {
        #expect(pass(document, pieces: 1).isMalformed)
    }

    /// The stated length cannot be kept.
    @Test func aSecondModelNameOfAnotherLengthIsMalformed() {
        #expect(pass(#"{"model":"local","choices":[1],"model":"local"}"#, pieces: 1).isMalformed)
        #expect(!pass(#"{"model":"local","choices":[1],"model":"sixsix"}"#, pieces: 1).isMalformed)
        let names = String(repeating: #","model":"local""#, count: 20)
        #expect(!pass(#"{"x":0\#(names),"choices":[1]}"#).hasBegun)
    }

    @Test func aResponseIDIsReadAndCountsAsAResult() {
        let failed = #"{"id":"resp_1","error":{"message":"x"},"output":[],"model":"local"}"#
        let passed = pass(failed, pieces: 3, endpoint: .responses)
        #expect(passed.hasBegun && passed.id == "resp_1")
        #expect(!pass(failed, pieces: 3).hasBegun)
    }

    /// A name that is too long to be a model is forwarded unchanged; the bytes collected for it are bounded.
    @Test func aLongModelNameIsNotCollected() throws {
        var relay = DocumentRelay(endpoint: .embeddings, model: "public", statedLength: nil, needsLength: false)
        #expect(try relay.receive(ByteBuffer(string: #"{"data":[1],"model":""#)).readableBytes > 0)
        var most = 0
        for _ in 0..<100 {
            _ = try relay.receive(ByteBuffer(repeating: 0x61, count: 1_000))
            most = max(most, relay.pendingBytes)
        }
        #expect(most <= 17 << 10 && relay.pendingBytes == 0)
    }

    /// 200 MiB, of which at most one piece is in memory; the usage is at the very end.
    @Test func aLongDocumentIsNotCollected() throws {
        let piece = ByteBuffer(repeating: 0x61, count: 64 << 10)
        let count = 3_200
        var relay = DocumentRelay(endpoint: .chatCompletions, model: "public", statedLength: nil, needsLength: false)
        var total = try relay.receive(ByteBuffer(string: #"{"model":"local","choices":[{"text":""#)).readableBytes
        var held = 0
        for _ in 0..<count {
            total += try relay.receive(piece).readableBytes
            held = max(held, relay.pendingBytes)
        }
        let end = #""}],\#(Self.usage)}"#
        total += try relay.receive(ByteBuffer(string: end)).readableBytes
        #expect(
            total == count * piece.readableBytes + #"{"model":"public","choices":[{"text":""#.utf8.count
                + end.utf8.count)
        #expect(held == 0)
        #expect(relay.isComplete && relay.usage == TokenUsage(prompt: 1, completion: 2))
    }
}
