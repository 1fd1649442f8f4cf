/// Wraps text in a column of a terminal: between words, never within one.
enum TextColumn {
    /// - Parameters:
    ///   - first: number of columns already used on the first line.
    ///   - margin: indentation of the following lines.
    ///   - width: of the terminal. A longer word is not split, so that it can be copied.
    static func wrapped(_ text: String, first: Int, margin: Int, width: Int) -> String {
        var lines: [String] = []
        var line = ""
        var available = width - first
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > available {
                lines.append(line)
                line = ""
                available = width - margin
            }
            line += line.isEmpty ? String(word) : " \(word)"
        }
        lines.append(line)
        return lines.joined(separator: "\n" + String(repeating: " ", count: margin))
    }

    /// One line of at most `width` characters; an ellipsis replaces the remainder.
    static func shortened(_ text: String, to width: Int) -> String {
        text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
    }
}
