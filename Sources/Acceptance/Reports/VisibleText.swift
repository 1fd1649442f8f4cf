/// Makes text from a deployment safe to show on a terminal, on a web page or in a build log.
enum VisibleText {
    /// Keeps line feeds and tabs and removes carriage returns. Other invisible characters (terminal controls,
    /// bidirectional marks) become the replacement character.
    static func of(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x0A || $0 == 0x09 }) { return text }
        var visible = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n", "\t": visible.append(scalar)
            case "\r": break
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
                    visible.append("\u{FFFD}")
                default: visible.append(scalar)
                }
            }
        }
        return String(visible)
    }
}
