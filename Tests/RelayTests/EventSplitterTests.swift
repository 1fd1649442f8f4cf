import NIOCore
import TestSupport
import Testing

@testable import Relay

@Suite struct EventSplitterTests {
    /// The channel reads into the same storage again if nothing else holds it.
    @Test func nothingHoldsTheStorageOfReadEvents() throws {
        var splitter = EventSplitter()
        try splitter.append(ByteBuffer(string: "data: 1\n\ndata: 2\n\n"))
        var first = splitter.next()
        #expect(first?.modifyIfUniquelyOwned { _ in true } == nil, "the second event is still in it")
        first = nil
        var second = splitter.next()
        #expect(second?.modifyIfUniquelyOwned { _ in true } == true)
        #expect(splitter.next() == nil)
    }

    /// Feeds the pieces and returns the events, and the rest at the end.
    private func split(_ pieces: [[UInt8]]) throws -> (events: [String], rest: String) {
        var splitter = EventSplitter()
        var events: [String] = []
        for piece in pieces {
            try splitter.append(ByteBuffer(bytes: piece))
            while let event = splitter.next() { events.append(String(buffer: event)) }
        }
        return (events, String(buffer: splitter.takeRest()))
    }

    private static let streams: [(name: String, events: [String], rest: String)] = [
        ("LF", ["data: a\n\n", "data: b\n\n"], ""),
        ("CR LF", ["data: a\r\n\r\n", "data: b\r\n\r\n"], ""),
        ("CR LF then LF", ["data: a\r\n\n", "data: b\n\r\n"], ""),
        ("CR", ["data: a\r\r", "data: b\r\r", "data: c\n\n"], ""),
        ("several fields", ["event: x\nid: 7\ndata: a\ndata: b\n\n", ": comment\n\n"], ""),
        ("empty lines between events", ["data: a\n\n", "\n", "\n", "data: b\n\n"], ""),
        ("an unfinished event", ["data: a\n\n"], "data: b\n"),
        ("nothing but half a line", [], "data: a"),
        ("letters of more than one byte", ["data: ä€😀\n\n", "data: ü\r\n\r\n"], ""),
    ]

    @Test(arguments: streams.indices)
    func eventsAreFoundWhereverTheStreamIsCut(_ index: Int) throws {
        let (name, events, rest) = Self.streams[index]
        let stream = Array((events.joined() + rest).utf8)
        for first in 0...stream.count {
            for second in first...stream.count {
                let pieces = [stream[..<first], stream[first..<second], stream[second...]].map(Array.init)
                let found = try split(pieces)
                #expect(found.events == events, "\(name), cut at \(first) and \(second)")
                #expect(found.rest == rest, "\(name), cut at \(first) and \(second)")
            }
        }
    }

    @Test(arguments: streams.indices)
    func eventsAreFoundByteByByte(_ index: Int) throws {
        let (_, events, rest) = Self.streams[index]
        let found = try split((events.joined() + rest).utf8.map { [$0] })
        #expect(found.events == events)
        #expect(found.rest == rest)
    }

    /// After a single CR, an LF may follow; the event must not wait for more than that byte.
    @Test func aLastCRIsLeftToTheEnd() throws {
        let found = try split([Array("data: a\r\r".utf8)])
        #expect(found.events.isEmpty)
        #expect(found.rest == "data: a\r\r")
    }

    @Test func preservesEveryByte() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<400 {
            let alphabet = Array("da: x\n\n\r\r".utf8)
            let stream = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            let whole = try split([stream])
            #expect(whole.events.joined() + whole.rest == String(decoding: stream, as: UTF8.self))
            let bytes = try split(stream.map { [$0] })
            #expect(bytes.events == whole.events && bytes.rest == whole.rest, "\(stream)")
        }
    }

    @Test func refusesAnEventThatIsTooLong() throws {
        var splitter = EventSplitter()
        let piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<32 { try splitter.append(piece) }
        #expect(throws: EventSplitter.TooLong.self) { try splitter.append(ByteBuffer(string: "x")) }
    }

    @Test func acceptsManyEventsInOneRead() throws {
        let many = String(repeating: "data: 0123456789\n\n", count: 1 << 19)  // 9 MB in one piece
        var splitter = EventSplitter()
        try splitter.append(ByteBuffer(string: String(many.prefix(4 << 20))))
        var count = 0
        while splitter.next() != nil { count += 1 }
        #expect(count == (4 << 20) / 18)
    }

    @Test(arguments: [
        ("data: x\n\n", "x"), ("data:x\n\n", "x"), ("data:  x\n\n", " x"), ("data: a\ndata: b\n\n", "a\nb"),
        ("event: e\r\ndata: a\r\n\r\n", "a"), ("data: a\rdata:b\r\r", "a\nb"),
    ])
    func readsThePayloadLikeAClient(event: String, payload: String) throws {
        let found = try #require(EventSplitter.payload(of: ByteBuffer(string: event)))
        #expect(String(decoding: found.bytes, as: UTF8.self) == payload)
        #expect(found.isOneLine == !payload.contains("\n"))
    }

    @Test(arguments: [": comment\n\n", "event: ping\n\n", "\n", "dat: x\n\n"])
    func anEventWithoutDataHasNoPayload(event: String) {
        #expect(EventSplitter.payload(of: ByteBuffer(string: event)) == nil)
    }
}
