import NIOCore
import SimpleAICore
import Testing

@testable import Relay

/// The cost that streams state while they are forwarded byte for byte.
@Suite struct EventUsageReaderTests {
    /// Cut into two pieces at every position, and into single bytes: the result is the same.
    private func read(_ text: String, addsUsage: Bool = false) -> EventUsageReader {
        let bytes = Array(text.utf8)
        func reader(_ pieces: [ArraySlice<UInt8>]) -> EventUsageReader {
            var reader = EventUsageReader(addsUsage: addsUsage)
            for piece in pieces { reader.receive(ByteBuffer(bytes: piece)) }
            return reader
        }
        let whole = reader([bytes[...]])
        let cuts = bytes.indices.map { [bytes[..<$0], bytes[$0...]] } + [bytes.indices.map { bytes[$0...$0] }]
        for pieces in cuts {
            let other = reader(pieces)
            #expect(other.usage == whole.usage && other.audioSeconds == whole.audioSeconds)
        }
        return whole
    }

    private static let tokens = #""usage":{"input_tokens":5,"output_tokens":4}"#

    @Test(arguments: ["\n", "\r\n", "\r"])
    func readsTheUsageOfAnyEvent(end: String) {
        let lines = [
            "event: a", #"data: {"b64_json":"A\"usage\"A","n":{"usage":1},\#(Self.tokens),"x":1}"#, "", ": c", "",
        ]
        #expect(read(lines.map { $0 + end }.joined()).usage == TokenUsage(prompt: 5, completion: 4))
        let apart = ["data: {", "data:" + Self.tokens, "data:}", ""]
        #expect(read(apart.map { $0 + end }.joined()).usage == TokenUsage(prompt: 5, completion: 4))
    }

    @Test func theLastUsageAppliesUnlessEachEventHasItsOwn() {
        let text = "data: {\(Self.tokens)}\n\ndata: {\"usage\":null}\n\ndata: [DONE]\n\ndata: {\(Self.tokens)}\n\n"
        #expect(read(text).usage == TokenUsage(prompt: 5, completion: 4))
        #expect(read(text, addsUsage: true).usage == TokenUsage(prompt: 10, completion: 8))
        let huge = #"data: {"usage":{"input_tokens":9223372036854775807}}"# + "\n\n"
        #expect(read(huge + huge, addsUsage: true).usage?.prompt == .max)
    }

    @Test(
        arguments: [
            (#"data: {"usage":{"type":"duration","seconds":2.5}}"#, 2.5),
            (#"data: {"duration":"3.5","text":"hi"}"#, 3.5),
            (#"data: {"usage":{"input_tokens":1}}"#, nil), (#"data: {"text":"usage"}"#, nil),
        ] as [(String, Double?)])
    func readsTheDurationOfAudio(event: String, seconds: Double?) {
        #expect(read(event + "\n\n").audioSeconds == seconds)
    }

    @Test(arguments: [
        "datum: {\(tokens)}\n\n", "id: {\(tokens)}\n\n", " data: {\(tokens)}\n\n", "data: [{\(tokens)}]\n\n",
        "RIFF\u{0}\u{1}", "data: x {\(tokens)}\n\n",
    ])
    func otherBytesStateNothing(text: String) { #expect(read(text).usage == nil) }

    /// Nothing of a long event is collected but the values that are read, and these are bounded.
    @Test func aLongValueIsNotRead() {
        let long = String(repeating: " ", count: MemberValue.maxLength)
        var reader = EventUsageReader(addsUsage: false)
        reader.receive(ByteBuffer(string: "data: {\"usage\":{\(long)\"input_tokens\":5}}\n\n"))
        #expect(reader.usage == nil)
        reader.receive(ByteBuffer(string: "data: {\"a\":\"\(long)\",\(Self.tokens)}\n\n"))
        #expect(reader.usage != nil)
    }
}
