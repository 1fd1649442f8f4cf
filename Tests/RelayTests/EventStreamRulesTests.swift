import NIOCore
import SimpleAICore
import Testing

@testable import Relay

/// The rules of the event-stream format (WHATWG HTML §9.2.5 and §9.2.6), one by one, and the stream cut at every
/// byte: a client behind the relay reads the same events as from the engine itself.
@Suite struct EventStreamRulesTests {
    struct Rule: Sendable, CustomStringConvertible {
        let description: String
        let stream: String
        let messages: [EventReader.Message]

        init(_ description: String, _ stream: String, _ messages: EventReader.Message...) {
            self.description = description
            self.stream = stream
            self.messages = messages
        }
    }

    private static func data(_ data: String, type: String = "message", id: String = "") -> EventReader.Message {
        EventReader.Message(type: type, data: data, lastEventID: id)
    }

    static let rules: [Rule] = [
        Rule(
            "a byte order mark at the beginning means nothing", "\u{FEFF}data: 1\n\ndata: 2\n\n", data("1"), data("2")),
        Rule("a second byte order mark is part of a field's name", "\u{FEFF}\u{FEFF}data: 1\n\ndata: 2\n\n", data("2")),
        Rule(
            "a line that begins with a colon is a comment", "data: 1\n:\0\n: data: 2\n:\n\n:data: 3\n\ndata: 4\n\n",
            data("1"), data("4")),
        Rule("what no empty line ends is no event", "data: 1\n\ndata: two\nretry: 1000\n", data("1")),
        Rule(
            "several data fields are lines of one event; a field without a colon is empty",
            "data:\n\ndata\ndata\n\ndata: a\ndata: b\n\n", data(""), data("\n"), data("a\nb")),
        Rule(
            "the event field is the event's type", "event: t\ndata: 1\n\ndata: 2\n\n", data("1", type: "t"), data("2")),
        Rule("an empty type is none", "event: \ndata: 1\n\nevent\ndata: 2\n\n", data("1"), data("2")),
        Rule(
            "the id stays until there is another", "id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n",
            data("1", id: "7"), data("2", id: "7"), data("3")),
        Rule("an id with a zero byte is none", "id: 7\nid: 8\0\ndata: 1\n\n", data("1", id: "7")),
        Rule(
            "names of fields are exact", "Data: 1\n data: 2\ndata : 3\ndat: 4\ndataset: 5\ndata: 6\n\n", data("6")),
        Rule("retry is for reconnecting only", "retry: 3000\ndata: 1\n\nretry: 5\n\n", data("1")),
        Rule("a retry that is no number means nothing", "retry: 3s\nretry:\nretry\ndata: 1\n\n", data("1")),
        Rule("unknown fields mean nothing", "x: 1\nfoo\ndata: 2\nbar: data: 3\n\n", data("2")),
        Rule(
            "one space after the colon is no part of the value", "data:1\n\ndata: 2\n\ndata:  3\n\ndata:\t4\n\n",
            data("1"), data("2"), data(" 3"), data("\t4")),
        Rule(
            "lines end with LF, CR, or both", "data: 1\rdata: 2\r\ndata: 3\n\ndata: 4\r\rdata: 5\r\n\r\ndata: 6\n\r\n",
            data("1\n2\n3"), data("4"), data("5"), data("6")),
        Rule("a last CR ends an event, too", "data: 1\n\ndata: 2\r\r", data("1"), data("2")),
        Rule("a zero byte is a byte like others", "data: \0a\n\ndata\0: b\n\n", data("\0a")),
        Rule("the text is UTF-8", "data: ok…é😀\n\n: ü\n\ndata: ß\n\n", data("ok…é😀"), data("ß")),
    ]

    private func relay(_ pieces: [ArraySlice<UInt8>], model: ModelID = "m") throws -> [UInt8] {
        var relay = EventStreamRelay(endpoint: .chatCompletions, model: model, hidesUsageChunk: true)
        var relayed: [UInt8] = []
        for piece in pieces {
            try relay.receive(ByteBuffer(bytes: piece)) { relayed += $0.readableBytesView }
        }
        _ = relay.end { relayed += $0.readableBytesView }
        return relayed
    }

    /// The stream in two pieces, cut everywhere, and in pieces of one byte.
    private func cuts(_ stream: [UInt8]) -> [[ArraySlice<UInt8>]] {
        (0...stream.count).map { [stream[..<$0], stream[$0...]] } + [stream.indices.map { stream[$0...$0] }]
    }

    /// Removes a byte order mark at the beginning, which would be misplaced after a comment of the gateway.
    private static func unmarked(_ stream: [UInt8]) -> ArraySlice<UInt8> {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        return stream.starts(with: mark) && !stream.starts(with: mark + mark) ? stream.dropFirst(3) : stream[...]
    }

    @Test(arguments: rules)
    func clientsReadTheSameEventsThatTheEngineSent(_ rule: Rule) throws {
        let stream = Array(rule.stream.utf8)
        #expect(EventReader.messages(in: stream) == rule.messages, "the reader of these tests knows the rule")
        for pieces in cuts(stream) {
            let relayed = try relay(pieces)
            #expect(EventReader.messages(in: relayed) == rule.messages, "cut after \(pieces[0].count)")
            #expect(Self.unmarked(stream).starts(with: relayed), "what needs no change passes byte for byte")
        }
    }

    /// The same rules, where the relay's own parsing depends on them: a chunk in every permitted spelling.
    @Test(arguments: [
        "\u{FEFF}data: CHUNK\n\n", "data:CHUNK\n\n", ":x\ndata: CHUNK\n\n", "data: CHUNK\r\r", "data: CHUNK\r\n\r\n",
        "event: t\nid: 4\ndata: CHUNK\nx: y\n\n", "data:  CHUNK \n\n", "data\ndata: CHUNK\ndata\n\n",
        "\u{FEFF}event: t\ndata: HALF\ndata: OTHER\n\n", "data: CHUNK\rdata:\r\n\n", "retry: 1\ndata: CHUNK\n\n",
    ])
    func readsAChunkInEverySpelling(_ template: String) throws {
        let half = "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"é\"},\"finish_reason\":\"stop\"}],"
        func stream(_ model: String) -> String {
            let other = "\"model\":\"\(model)\"}"
            return template.replacing("HALF", with: half).replacing("OTHER", with: other)
                .replacing("CHUNK", with: half + other)
        }
        let wanted = EventReader.messages(in: stream("public").utf8).map { $0.data.filter { !$0.isWhitespace } }
        let bytes = Array(stream("local").utf8)
        for pieces in cuts(bytes) {
            var relay = EventStreamRelay(endpoint: .chatCompletions, model: "public", hidesUsageChunk: false)
            var relayed: [UInt8] = []
            for piece in pieces {
                try relay.receive(ByteBuffer(bytes: piece)) { relayed += $0.readableBytesView }
            }
            let addition = relay.end { relayed += $0.readableBytesView }
            let read = EventReader.messages(in: relayed).map { $0.data.filter { !$0.isWhitespace } }
            #expect(read == wanted, "cut after \(pieces[0].count)")
            #expect(addition != nil, "the answer was complete; cut after \(pieces[0].count)")
            #expect(relay.pieces == 1)
        }
    }
}
