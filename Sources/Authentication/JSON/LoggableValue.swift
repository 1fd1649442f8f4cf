import SimpleAICore

/// An untrusted value in a form that is safe for logs: strings quoted in visible ASCII, arrays by their first elements,
/// objects as `{…}`, long values truncated. No value can end its quotes or its line.
struct LoggableValue: CustomStringConvertible {
    static let maxLength = 120

    let description: String

    init(_ text: String) {
        description = Self.quoted(text)
    }

    init(_ value: JSONValue) {
        switch value {
        case .null: description = "null"
        case .bool(let value): description = "\(value)"
        case .number(let number): description = Int64(exactly: number).map(String.init) ?? "\(number)"
        case .string(let text): description = Self.quoted(text)
        case .array(let elements):
            let shown = elements.prefix(4).map { element in
                switch element {
                case .array: "[…]"
                case .object, .ambiguous: "{…}"
                default: LoggableValue(element).description
                }
            }
            description = "[\(shown.joined(separator: ", "))\(elements.count > 4 ? ", …" : "")]"
        case .object, .ambiguous: description = "{…}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var shown = "\""
        for scalar in text.unicodeScalars {
            guard shown.utf8.count < maxLength else { return shown + "…\"" }
            switch scalar {
            case "\"", "\\": shown += "\\\(scalar)"
            case " "..."~": shown.unicodeScalars.append(scalar)
            default: shown += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return shown + "\""
    }
}
