/// Text for operators that states where a JSON document deviates from the expected structure.
enum DecodingErrorText {
    /// Maximum number of characters of a name or path; the peer may have chosen it.
    private static let maxLength = 200

    static func of(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context): "\(place(context)) lacks \"\(cut(key.stringValue))\""
        case .typeMismatch(_, let context), .valueNotFound(_, let context): "\(place(context)) has the wrong type"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is not valid JSON"
        case .dataCorrupted(let context): "\(place(context)) has an invalid value"
        @unknown default: "it is not the expected JSON"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        return path.isEmpty ? "the document" : "\"\(cut(path))\""
    }

    private static func cut(_ text: String) -> String {
        text.count > maxLength ? "\(text.prefix(maxLength))…" : text
    }
}
