import NIOCore

@testable import Relay
@testable import SimpleAICore

extension FuzzTarget {
    private static let chunk =
        "data: {\"model\":\"local\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n"

    /// An engine's event stream, wherever it is cut: a client behind the relay reads the same events as from the
    /// engine, up to the engine's final event: `[DONE]`, or an error, which the gateway reports in its own format.
    static let events = FuzzTarget(
        "events",
        seeds: [
            chunk + chunk.replacing("null", with: "\"stop\"")
                + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
            "event: response.completed\r\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"model\":\"local\"}}\r\n\r\n",
            "\u{FEFF}: comment\ndata: {\"model\":\ndata: \"local\"}\nid: 4\n\ndata\n\ndata:x\r\rretry: 1\n\n",
            "data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\r\n",
        ],
        words: [
            "data: ", "data", "data:", "event: ", "id: ", ":", "\n", "\r", "\r\n", "\n\n", "[DONE]", "{\"choices\":[",
            "\"finish_reason\":\"stop\"", "\"model\":\"local\"", "\"usage\":{}", "\u{FEFF}", "\0", "\"index\":1", "}",
            "]",
        ]
    ) { bytes in
        for endpoint in [Endpoint.chatCompletions, .responses] {
            for hides in [false, true] {
                let whole = try Relayed(endpoint, hides, [bytes[...]])
                for pieces in cuts(of: bytes) {
                    try require(try Relayed(endpoint, hides, pieces) == whole, "pieces are relayed differently")
                }
                if !hides { try checkMeaning(bytes, whole) }
            }
        }
        _ = ModelRewriter.restore(ByteBuffer(bytes: bytes), model: "public", readsID: true)
        _ = EngineError(bytes[...])
    }

    private struct Relayed: Equatable {
        var bytes: [UInt8] = []
        var addition: [UInt8]?
        var usage: TokenUsage?
        var pieces = 0
        var responseID: String?
        /// Whether the relay passes no further events.
        var hasEnded = false

        init(_ endpoint: Endpoint, _ hides: Bool, _ pieces: [ArraySlice<UInt8>]) throws {
            var relay = EventStreamRelay(endpoint: endpoint, model: "public", hidesUsageChunk: hides)
            var sent: [UInt8] = []
            for piece in pieces {
                try relay.receive(ByteBuffer(bytes: piece)) { sent += $0.readableBytesView }
            }
            let hadEnded = !relay.phase.acceptsEvents
            let rest = relay.end { sent += $0.readableBytesView }
            hasEnded = hadEnded || rest == nil
            // After the engine's final event the relay does not wait for an LF behind the last CR.
            if sent.suffix(2) == [0x0D, 0x0A] { sent.removeLast() }
            (bytes, addition) = (sent, rest.map { Array($0.readableBytesView) })
            (usage, self.pieces, responseID) = (relay.usage, relay.pieces, relay.responseID)
        }
    }

    private static func checkMeaning(_ bytes: [UInt8], _ relayed: Relayed) throws {
        func messages(_ bytes: [UInt8]) -> [EventReader.Message] {
            EventReader.messages(in: bytes).filter { message in
                // The relay's own rule: white space may follow.
                !message.data.hasPrefix("[DONE]") || message.data.dropFirst(6).contains { !$0.isWhitespace }
            }
        }
        let read = messages(relayed.bytes)
        // The relay adds the last event's empty line.
        let possible = [messages(bytes), messages(bytes + [0x0A, 0x0A])]
        func isSame(_ one: EventReader.Message, _ other: EventReader.Message) -> Bool {
            if one == other { return true }
            // An event that the relay drops takes its id with it.
            guard one.type == other.type, one.lastEventID == other.lastEventID || relayed.bytes.count < bytes.count
            else { return false }
            if one.data == other.data { return true }
            // Only where a model was replaced: no other value of a chunk may change.
            return other.data.contains("public")
                && JSONSlice(document: Array(other.data.utf8)[...], grammar: .lenient) != nil
        }
        try require(
            possible.contains { sent in
                (relayed.hasEnded ? sent.count >= read.count : sent.count == read.count)
                    && zip(sent, read).allSatisfy { isSame($0, $1) }
            }, "a client reads \(read) instead of \(possible[0])")
    }
}
