import Foundation

/// The text of an uploaded sound, in the formats of `/v1/audio/transcriptions` and `/v1/audio/translations`.
struct Transcript {
    enum Format: String {
        case json, text, srt, vtt
        case verboseJSON = "verbose_json"
    }

    let tokens: [String]
    let seconds: Double
    let isTranslation: Bool

    private static let tokensPerSegment = 8

    init(of sound: ArraySlice<UInt8>, seed: UInt64, isTranslation: Bool) {
        let response = SimulatedResponse(
            to: ["\(sound.count)", String(decoding: sound.suffix(64), as: UTF8.self)], seed: seed, limit: nil,
            opening: ["This", " is", " a", " simulated", isTranslation ? " translation" : " transcript", ":"])
        tokens = response.tokens
        seconds = SimulatedSound.seconds(of: sound)
        self.isTranslation = isTranslation
    }

    var text: String { tokens.joined() }

    var json: JSONText {
        var members: [(String, JSONText)] = [("text", .string(text))]
        if !isTranslation { members.append(("usage", durationUsage)) }
        return .object(members)
    }

    private var durationUsage: JSONText { ["type": "duration", "seconds": .number(seconds.rounded(.up))] }

    private struct Segment {
        let text: String
        let start: Double
        let end: Double
    }

    private var segments: [Segment] {
        stride(from: 0, to: tokens.count, by: Self.tokensPerSegment).map { first in
            let last = min(first + Self.tokensPerSegment, tokens.count)
            let length = seconds / Double(tokens.count)
            return Segment(
                text: tokens[first..<last].joined(), start: Double(first) * length, end: Double(last) * length)
        }
    }

    var verboseJSON: JSONText {
        let entries = segments.enumerated().map { index, segment in
            JSONText.object([
                ("id", .integer(index)), ("seek", 0), ("start", .number(segment.start)), ("end", .number(segment.end)),
                ("text", .string(segment.text)), ("tokens", []), ("temperature", 0), ("avg_logprob", .number(-0.1)),
                ("compression_ratio", .number(1)), ("no_speech_prob", .number(0)),
            ])
        }
        return .object(
            [
                ("task", isTranslation ? "translate" : "transcribe"), ("language", "english"),
                ("duration", .number(seconds)), ("text", .string(text)), ("segments", .array(entries)),
            ] + (isTranslation ? [] : [("usage", durationUsage)]))
    }

    var srt: String {
        segments.enumerated().map { index, segment in
            "\(index + 1)\n\(Self.time(segment.start, ",")) --> \(Self.time(segment.end, ","))\n"
                + "\(segment.text)\n\n"
        }.joined()
    }

    var vtt: String {
        "WEBVTT\n\n"
            + segments.map { segment in
                "\(Self.time(segment.start, ".")) --> \(Self.time(segment.end, "."))\n\(segment.text)\n\n"
            }.joined()
    }

    private static func time(_ seconds: Double, _ separator: String) -> String {
        let milliseconds = Int((seconds * 1_000).rounded())
        let fields = [milliseconds / 3_600_000, milliseconds / 60_000 % 60, milliseconds / 1_000 % 60]
        let text = fields.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
        return "\(text)\(separator)\(String(1_000 + milliseconds % 1_000).dropFirst())"
    }

    // MARK: Stream

    var deltas: [[StreamPart]] {
        tokens.map { [StreamPart(["type": "transcript.text.delta", "delta": .string($0)])] }
    }

    var end: [StreamPart] {
        let audioTokens = Int(seconds.rounded(.up)) * 10
        return [
            StreamPart([
                "type": "transcript.text.done", "text": .string(text),
                "usage": [
                    "type": "tokens", "input_tokens": .integer(audioTokens),
                    "input_token_details": ["audio_tokens": .integer(audioTokens), "text_tokens": 0],
                    "output_tokens": .integer(tokens.count), "total_tokens": .integer(audioTokens + tokens.count),
                ],
            ])
        ]
    }
}
