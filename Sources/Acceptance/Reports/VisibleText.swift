/// What a deployment says, as every report may show it: a terminal, a web page or a build server's log.
enum VisibleText {
    /// Line feeds and tabs stay; carriage returns go; what else cannot be seen (controls of terminals, marks that turn the
    /// direction of a line) becomes the replacement character.
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
