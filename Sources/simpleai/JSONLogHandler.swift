import Foundation
import Logging
import SimpleAICore

/// Writes one line of JSON per event to standard error, for log collectors.
struct JSONLogHandler: LogHandler {
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        StandardError.write(Self.line(event.level, event.message.description, all, at: .now))
    }

    static func line(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, at time: Date) -> String {
        var fields = [
            "\"time\":\(JSONString.encode(timestamp(time)))", "\"level\":\(JSONString.encode(level.rawValue))",
            "\"message\":\(JSONString.encode(message))",
        ]
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let text = value.description
            let isNumber = numericKeys.contains(ExactString(key)) && isJSONNumber(text)
            fields.append("\(JSONString.encode(key)):\(isNumber ? text : JSONString.encode(text))")
        }
        return "{\(fields.joined(separator: ","))}"
    }

    /// RFC 3339, in UTC, to the millisecond.
    private static func timestamp(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Keys whose values are written as numbers. All other values are strings, even if they consist of digits: a caller
    /// or a model may be named 42.
    private static let numericKeys: Set<ExactString> = [
        "active", "added", "attempt", "bytes", "cached_tokens", "completion_tokens", "count", "delivered_tokens",
        "duration_ms", "generated_tokens", "keys", "keys_known", "limit", "line", "pid", "position", "prompt_tokens",
        "reasoning_tokens", "retry_in_ms", "status", "suppressed", "tokens_per_second", "ttfb_ms", "ttft_ms",
        "waited_ms", "withdrawn",
    ]

    /// Whether the text is a JSON number without an exponent (RFC 8259 §6).
    private static func isJSONNumber(_ text: String) -> Bool {
        text.utf8.count <= 20 && text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?/) != nil
    }
}
