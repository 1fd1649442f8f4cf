/// Sanitizes an engine's text for use in an error object: readable, bounded, and without characters that control a
/// terminal or reorder a line.
public enum EngineText {
    /// In bytes of UTF-8.
    public static let maxLength = 4 << 10

    /// Nil if no readable text is left.
    public static func clean(_ text: String) -> String? {
        var result = String.UnicodeScalarView()
        var length = 0
        var isCut = false
        for scalar in text.unicodeScalars {
            guard let scalar = visible(scalar) else { continue }
            if result.isEmpty, scalar.properties.isWhitespace { continue }
            length += UTF8.width(scalar)
            guard length <= maxLength else {
                isCut = true
                break
            }
            result.append(scalar)
        }
        while let last = result.last, last.properties.isWhitespace { result.removeLast() }
        guard !result.isEmpty else { return nil }
        return String(result) + (isCut ? "…" : "")
    }

    /// - Returns: nil for an invisible character that only affects others.
    private static func visible(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar {
        case "\n", "\t": scalar
        case "\r", "\u{2028}", "\u{2029}": "\n"
        case "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": nil
        case "\u{FEFF}": nil
        default: scalar.properties.generalCategory == .control ? " " : scalar
        }
    }

    /// The readable text of an HTML page: its title, and its text without markup.
    static func plain(html: String) -> String {
        var text = ""
        var title: String?
        var rest = Substring(html)
        while let open = rest.firstIndex(of: "<") {
            text += rest[..<open]
            let tag = rest[rest.index(after: open)...].prefix { $0 != ">" }
            rest = tag.endIndex < rest.endIndex ? rest[rest.index(after: tag.endIndex)...] : ""
            let name = tag.prefix { $0.isLetter || $0 == "!" || $0 == "/" }.lowercased()
            switch name {
            case "script", "style", "title":
                let content = rest.prefix(upTo: rest.firstRange(of: "</")?.lowerBound ?? rest.endIndex)
                if name == "title" { title = String(content) }
                rest = rest[content.endIndex...]
            default: text += " "
            }
        }
        text += rest
        let words = [title ?? "", text].map { collapsingWhitespace(decoded($0)) }
        // Most pages repeat their title as a heading.
        if words[0].isEmpty || words[1].hasPrefix(words[0]) { return words[1] }
        return words[1].isEmpty ? words[0] : "\(words[0]): \(words[1])"
    }

    private static func collapsingWhitespace(_ text: String) -> String {
        text.split { $0.isWhitespace }.joined(separator: " ")
    }

    private static let entities = [
        ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&nbsp;", " "),
        ("&amp;", "&"),
    ]

    private static func decoded(_ text: String) -> String {
        guard text.contains("&") else { return text }
        return entities.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
}
