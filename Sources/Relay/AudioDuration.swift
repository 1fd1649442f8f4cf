import SimpleAICore

/// The duration of transcribed audio, as engines state it.
package enum AudioDuration {
    private static let keys: JSONScanner.Keys = ["usage", "duration"]

    /// In seconds: `usage.seconds`, or `duration` of verbose transcriptions; nil if the document states neither.
    package static func stated(in document: ArraySlice<UInt8>) -> Double? {
        guard let members = JSONMembers(document: document, keys: keys, grammar: .lenient) else { return nil }
        return members["usage"].flatMap(seconds(inUsage:)) ?? members["duration"].flatMap(number)
    }

    /// In seconds; nil if the object states tokens only.
    static func seconds(inUsage usage: JSONSlice) -> Double? { usage["seconds"].flatMap(number) }

    static func number(_ value: JSONSlice) -> Double? {
        // Some engines write the number as a string.
        let text = value.string ?? String(decoding: value.bytes, as: UTF8.self)
        return Double(text).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
    }
}
