/// Text from a provider, made safe for a terminal: one line, no control characters, limited length, no secret.
struct DisplayText: Hashable, Sendable {
    let text: String

    init(_ text: String, hiding secrets: [String] = [], limit: Int = 300) {
        var shown = text
        for secret in secrets where !secret.isEmpty { shown = shown.replacing(secret, with: "***") }
        let characters = shown.unicodeScalars.map { scalar -> Character in
            switch scalar.properties.generalCategory {
            // Escape sequences, line ends, and bidirectional control characters.
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                return " "
            default: return Character(scalar)
            }
        }
        shown = String(characters).split(separator: " ").joined(separator: " ")
        self.text = shown.count > limit ? shown.prefix(limit - 1) + "…" : shown
    }
}
