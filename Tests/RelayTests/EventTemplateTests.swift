import NIOCore
import SimpleAICore
import TestSupport
import Testing

@testable import Relay

@Suite struct EventTemplateTests {
    private static func event(_ content: String, model: String = "m", more: String = "") -> String {
        "data: {\"id\":\"c-1\",\"model\":\"\(model)\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(content)\"},"
            + "\"finish_reason\":null}]\(more)}\n\n"
    }

    private func shape(of event: String, model: String? = nil) throws -> EventTemplate? {
        let bytes = ByteBuffer(string: event)
        let payload = try #require(EventSplitter.payload(of: bytes))
        let chunk = try #require(JSONSlice(document: payload.bytes))
        let piece = try #require(chunk["choices"]?.elements.first?["delta"]?["content"])
        let range = try #require(chunk["model"]).bytes.indices
        return EventTemplate(bytes, piece: piece.bytes.indices, model: model.map { (range, $0) })
    }

    private func passed(_ event: String, by shape: EventTemplate?) -> String? {
        shape?.pass(ByteBuffer(string: event)).map { String(buffer: $0) }
    }

    @Test func matchesAnotherPieceOfText() throws {
        let shape = try shape(of: Self.event("Hello"))
        for text in [" world", "x", "größer", "日本", String(repeating: "y", count: 5_000), "{}[],:'"] {
            #expect(passed(Self.event(text), by: shape) == Self.event(text))
        }
    }

    @Test(arguments: [
        event(""), event("a\\\"b"), event("a\\n"), event("a\\"), event("tab\there"), event("x", model: "n"),
        event("x", more: ",\"usage\":{}"), event("x\",\"role\":\"y"), "data: [DONE]\n\n", ": comment\n\n", "\n",
        event("x").replacing("\"index\":0", with: "\"index\":1"),
        event("x").replacing("null", with: "\"stop\""), String(event("x").dropLast()), event("x") + "\n",
    ])
    func doesNotMatchOtherEvents(_ event: String) throws {
        let shape = try shape(of: Self.event("Hello"))
        #expect(shape != nil)
        #expect(passed(event, by: shape) == nil)
    }

    @Test(arguments: [[0xFF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xC0, 0xAF]] as [[UInt8]])
    func doesNotMatchInvalidUTF8(_ piece: [UInt8]) throws {
        let shape = try shape(of: Self.event("Hello"))
        var event = ByteBuffer(string: Self.event("HERE"))
        let place = try #require(Array(event.readableBytesView).firstRange(of: Array("HERE".utf8)))
        var bytes = Array(event.readableBytesView)
        bytes.replaceSubrange(place, with: piece)
        event = ByteBuffer(bytes: bytes)
        #expect(shape?.pass(event) == nil)
    }

    @Test func restoresTheModelBeforeAndAfterThePiece() throws {
        let before = try shape(of: Self.event("Hello"), model: "public \"id\"")
        #expect(passed(Self.event(" you"), by: before) == Self.event(" you", model: "public \\\"id\\\""))
        let turned = { (name: String, content: String) in
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(content)\"}}],\"model\":\"\(name)\"}\n\n"
        }
        let after = try shape(of: turned("m", "Hello"), model: "public")
        #expect(passed(turned("m", " you"), by: after) == turned("public", " you"))
    }

    /// Events one by one, joined or cut, with any kind of line ends.
    @Test(arguments: ["\n\n", "\r\n\r\n", "\r\r"], [1, 3, Int.max])
    func readsOfOneEventAreHandledLikeOtherReads(_ end: String, _ size: Int) throws {
        let events = ["a", "b", "", "c", "d\\n", "e", "f"].map { Self.event($0).replacing("\n\n", with: end) }
        var relay = EventStreamRelay(endpoint: .chatCompletions, model: "public", hidesUsageChunk: false)
        var relayed = ByteBuffer()
        for event in events + [": end" + end] {
            var rest = ByteBuffer(string: event)
            while let part = rest.readSlice(length: min(size, rest.readableBytes)), part.readableBytes > 0 {
                try relay.receive(part) { relayed.writeImmutableBuffer($0) }
            }
        }
        _ = relay.end { relayed.writeImmutableBuffer($0) }
        let expected = events.joined().replacing("\"model\":\"m\"", with: "\"model\":\"public\"") + ": end" + end
        #expect(String(buffer: relayed) == expected)
        #expect(relay.pieces == 6)
    }

    /// With and without templates, output and metadata are the same for any events.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func templatesDoNotChangeTheOutput(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = ["a", " b", "", "é", "\\n", "\\\"", "日本語", "long " + String(repeating: "z", count: 300)]
        let tails = [
            "", ",\"usage\":null", ",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}",
        ]
        var expected = ""
        var tokens = 0
        var stream = ""
        for _ in 0..<200 {
            let piece = pieces.randomElement(using: &random) ?? ""
            let tail = Int.random(in: 0..<10, using: &random) == 0 ? tails.randomElement(using: &random) ?? "" : ""
            let model = Int.random(in: 0..<10, using: &random) == 0 ? "public" : "own"
            stream += Self.event(piece, model: model, more: tail)
            expected += Self.event(piece, model: "public", more: tail)
            if !piece.isEmpty { tokens += 1 }
        }
        var relay = EventStreamRelay(endpoint: .chatCompletions, model: "public", hidesUsageChunk: false)
        var relayed = ByteBuffer()
        var rest = ByteBuffer(string: stream)
        while let part = rest.readSlice(length: min(rest.readableBytes, .random(in: 1...900, using: &random))),
            part.readableBytes > 0
        {
            try relay.receive(part) { relayed.writeImmutableBuffer($0) }
        }
        #expect(String(buffer: relayed) == expected)
        #expect(relay.pieces == tokens)
        #expect(relay.events == 200)
    }
}
