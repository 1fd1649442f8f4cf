import SimpleAICore

/// The duration of transcribed audio, as engines state it.
enum AudioDuration {
    private static let keys: JSONScanner.Keys = ["usage", "duration"]

    /// In seconds: `usage.seconds`, or `duration` of verbose transcriptions; nil if the document states neither.
    static func stated(in document: ArraySlice<UInt8>) -> Double? {
        guard let members = JSONMembers(document: document, keys: keys, grammar: .lenient) else { return nil }
        return [members["usage"]?["seconds"], members["duration"]].lazy.compactMap { $0.flatMap(Self.number) }.first
    }

    private static func number(_ value: JSONSlice) -> Double? {
        // Some engines write the number as a string.
        let text = value.string ?? String(decoding: value.bytes, as: UTF8.self)
        return Double(text).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
    }
}
