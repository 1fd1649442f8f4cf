import Dialects
import Foundation
import SimpleAICore
import Testing

/// The pairs in `Pairs/*.json`. `check_pairs.py` checks the same files against the models of the `anthropic` and `openai`
/// packages.
struct Pair: Sendable, CustomTestStringConvertible {
    let json: JSONSlice

    var name: String { json["name"]?.string ?? "" }
    var testDescription: String { name }
    var includesThinking: Bool { json["thinking"]?.bytes.first == UInt8(ascii: "t") }

    static func all(_ file: String) -> [Pair] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Pairs")
        guard let data = try? Data(contentsOf: folder.appendingPathComponent("\(file).json")),
            let list = JSONSlice(document: Array(data)[...])
        else { return [] }
        return list.elements.map { Pair(json: $0) }
    }

    func bytes(_ key: String) -> ArraySlice<UInt8> { json[key]?.bytes ?? [] }
}

/// A JSON document without the order of members.
func value(_ bytes: some Sequence<UInt8>) throws -> JSONValue { try StrictJSONParser.value(of: Array(bytes)) }

/// The events of a stream in the format of the Messages API: names and data.
func events(_ bytes: [UInt8]) throws -> [JSONValue] {
    let text = try #require(String(validating: bytes, as: UTF8.self))
    guard !text.isEmpty else { return [] }
    #expect(text.hasSuffix("\n\n"))
    return try text.components(separatedBy: "\n\n").dropLast().map { event in
        let lines = event.components(separatedBy: "\n")
        try #require(lines.count == 2 && lines[0].hasPrefix("event: ") && lines[1].hasPrefix("data: "), "\(event)")
        let data = try value(lines[1].dropFirst(6).utf8)
        #expect(data.object?["type"]?.string == String(lines[0].dropFirst(7)))
        return data
    }
}

@Suite struct AnthropicPairTests {
    @Test func corpusIsComplete() {
        let count = ["requests", "responses", "streams"].map { Pair.all($0).count }.reduce(0, +)
        #expect(count >= 150)
    }

    @Test(arguments: Pair.all("requests"))
    func translatesRequest(_ pair: Pair) throws {
        let translated = try AnthropicMessages.chatRequest(from: pair.bytes("request"))
        #expect(try value(translated.body) == value(pair.bytes("chat")))
        let dropped = pair.json["dropped"]?.elements.compactMap(\.string) ?? []
        #expect(translated.droppedFields.sorted() == dropped.sorted())
    }

    @Test(arguments: Pair.all("responses"))
    func translatesResponse(_ pair: Pair) throws {
        let message = try #require(
            AnthropicMessages.response(
                fromCompletion: pair.bytes("completion"), model: "public", messageID: "msg_1",
                includesThinking: pair.includesThinking))
        #expect(try value(message) == value(pair.bytes("message")))
    }

    @Test(arguments: Pair.all("streams"))
    func translatesStream(_ pair: Pair) throws {
        var translation = MessagesStreamTranslation(
            model: "public", messageID: "msg_1", includesThinking: pair.includesThinking)
        var output: [UInt8] = []
        for chunk in pair.json["chunks"]?.elements ?? [] { output += translation.receive(chunk.bytes) }
        output += translation.end()
        let expected = try (pair.json["events"]?.elements ?? []).map { try value($0.bytes) }
        #expect(try events(output) == expected)
        #expect(translation.end().isEmpty)
    }

    /// Each piece is sent when its chunk arrives, not at the end.
    @Test func sendsPiecesAtOnce() throws {
        let pair = try #require(Pair.all("streams").first)
        var translation = MessagesStreamTranslation(model: "public", messageID: "msg_1")
        let counts = (pair.json["chunks"]?.elements ?? []).map { chunk in
            String(decoding: translation.receive(chunk.bytes), as: UTF8.self)
                .components(separatedBy: "content_block_delta\n").count - 1
        }
        #expect(counts == [0, 1, 1, 1, 0, 0])
        // The second and third piece have the shape of the first.
        #expect(translation.unparsedChunks == 2)
    }
}
