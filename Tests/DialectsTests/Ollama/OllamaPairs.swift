import Dialects
import Foundation
import SimpleAICore

/// A pair of `pairs.json`: what goes in, and what must come out. `check_pairs.py` checks both sides against the models of
/// the `ollama` and `openai` packages.
struct OllamaPair: Decodable, Sendable, CustomTestStringConvertibleName {
    var kind: String
    var name: String
    var endpoint: String?
    var body: JSONValue?
    var raw: String?
    var to: String?
    var expect: JSONValue?
    var dropped: [String]?
    var param: String?
    var completion: JSONValue?
    var response: JSONValue?
    var purpose: String?
    var chunks: [JSONValue]?
    var lines: [JSONValue]?
    var renamed: Int?
    var usage: [Int]?
    var pieces: Int?
    var complete: Bool?
    var failed: String?

    var ollamaEndpoint: OllamaEndpoint { endpoint.flatMap(OllamaEndpoint.init(path:)) ?? .chat }

    static func all(_ kind: String) throws -> [OllamaPair] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "pairs.json")
        return try JSONDecoder().decode([OllamaPair].self, from: Data(contentsOf: file)).filter { $0.kind == kind }
    }
}

/// Shows a pair by its name in test reports.
protocol CustomTestStringConvertibleName: CustomStringConvertible { var name: String { get } }
extension CustomTestStringConvertibleName { var description: String { name } }

enum OllamaSamples {
    static let created = "2026-01-02T03:04:05Z"
    static let durations = ResponseDurations(
        total: .seconds(5), load: .seconds(1), promptEvaluation: .seconds(1), evaluation: .seconds(3))
    static let clock = ResponseClock(timestamp: { created }, durations: { durations })

    /// One document in one line, with sorted keys, so that chunks have a common shape as those of an engine.
    static func bytes(_ value: JSONValue) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    static func value(_ bytes: some Collection<UInt8>) throws -> JSONValue {
        try StrictJSONParser.value(of: Array(bytes))
    }

    /// The documents of a stream, split as the `ollama` package splits it: at every Unicode line break.
    static func documents(_ stream: [UInt8]) throws -> [JSONValue] {
        guard let text = String(validating: stream, as: UTF8.self) else { throw Malformed() }
        guard text.isEmpty || stream.last == 0x0A else { throw Malformed() }
        return try text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).dropLast()
            .map { try value($0.utf8) }
    }

    struct Malformed: Error {}
}
