/// Text of a provider's as a terminal may show it: one line, no control characters, not endless, no secret.
struct ShownText: Hashable, Sendable {
    let text: String

    init(_ text: String, hiding secrets: [String] = [], limit: Int = 300) {
        var shown = text
        for secret in secrets where !secret.isEmpty { shown = shown.replacing(secret, with: "***") }
        let characters = shown.unicodeScalars.map { scalar -> Character in
            switch scalar.properties.generalCategory {
            // Escape sequences, line ends, and characters that turn the direction of writing.
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                return " "
            default: return Character(scalar)
            }
        }
        shown = String(characters).split(separator: " ").joined(separator: " ")
        self.text = shown.count > limit ? shown.prefix(limit - 1) + "…" : shown
    }
}
