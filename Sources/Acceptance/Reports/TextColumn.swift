/// Text in a column of a terminal: broken between words, never inside one.
enum TextColumn {
    /// - Parameters:
    ///   - first: how much of the first line is taken already.
    ///   - margin: where the further lines begin.
    ///   - width: of the terminal; a word that is longer than the column is left whole, so that it can be copied.
    static func wrapped(_ text: String, first: Int, margin: Int, width: Int) -> String {
        var lines: [String] = []
        var line = ""
        var room = width - first
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > room {
                lines.append(line)
                line = ""
                room = width - margin
            }
            line += line.isEmpty ? String(word) : " \(word)"
        }
        lines.append(line)
        return lines.joined(separator: "\n" + String(repeating: " ", count: margin))
    }

    /// One line of at most `width` characters; what is cut off is replaced by an ellipsis.
    static func shortened(_ text: String, to width: Int) -> String {
        text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
    }
}
