import Yams

/// Parses YAML that may contain duplicate keys. Yams stops at the first one, but settings report all problems together.
/// So each duplicate key is marked in the text, and the text is parsed again.
struct RepeatedKeys {
    private let text: String

    /// A character of the private use area: none of our keys contains it, and YAML allows it at the beginning of a
    /// plain scalar.
    private static let mark: Unicode.Scalar = "\u{F8F7}"
    /// Maximum number of duplicate keys that are reported one by one.
    private static let maxCount = 100
    /// Maximum number of bytes parsed in all, because each duplicate requires parsing the whole text again.
    private static let maxBytes = 16 << 20

    init(_ text: String) {
        self.text = text
    }

    /// Returns nil for a text without a document. Throws `YamlError`.
    func compose() throws -> Node? {
        var marked = text
        for _ in 0..<max(1, min(Self.maxCount, Self.maxBytes / max(1, text.utf8.count))) {
            do {
                return try Yams.compose(yaml: marked)
            } catch YamlError.duplicatedKeysInMapping(_, let context) {
                guard let position = Self.index(of: context.mark, in: marked) else { break }
                marked.unicodeScalars.insert(Self.mark, at: position)
            }
        }
        return try Yams.compose(yaml: marked)
    }

    /// The key as it was written; nil if it is not marked.
    static func original(of key: String) -> String? {
        guard key.unicodeScalars.first == mark else { return nil }
        return String(key.unicodeScalars.drop { $0 == mark }).trimming { $0 == "\"" || $0 == "'" }
    }

    private static func index(of mark: Mark, in text: String) -> String.Index? {
        let scalars = text.unicodeScalars
        var start = scalars.startIndex
        for _ in 1..<max(1, mark.line) {
            guard let newline = scalars[start...].firstIndex(of: "\n") else { return nil }
            start = scalars.index(after: newline)
        }
        return scalars.index(start, offsetBy: mark.column - 1, limitedBy: scalars.endIndex)
    }
}

extension String {
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        var slice = self[...]
        while let first = slice.first, isTrimmed(first) { slice.removeFirst() }
        while let last = slice.last, isTrimmed(last) { slice.removeLast() }
        return String(slice)
    }
}
