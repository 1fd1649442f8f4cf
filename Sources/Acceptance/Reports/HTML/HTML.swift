/// A fragment of HTML. Literals are markup; interpolated values are escaped unless they are `HTML`. Untrusted text can
/// therefore never become markup.
struct HTML: Sendable, Hashable, ExpressibleByStringInterpolation {
    let markup: String

    private init(trusted markup: String) { self.markup = markup }

    init(stringLiteral markup: String) { self.init(trusted: markup) }
    init(stringInterpolation: Interpolation) { self.init(trusted: stringInterpolation.markup) }

    /// Joins the pieces.
    init(_ pieces: [HTML]) { self.init(trusted: pieces.map(\.markup).joined()) }

    struct Interpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        init(literalCapacity: Int, interpolationCount: Int) { markup.reserveCapacity(literalCapacity) }

        mutating func appendLiteral(_ literal: String) { markup += literal }
        mutating func appendInterpolation(_ piece: HTML) { markup += piece.markup }
        mutating func appendInterpolation(_ pieces: [HTML]) { markup += HTML(pieces).markup }
        mutating func appendInterpolation(_ text: String) { markup += HTML.escaped(text) }
        mutating func appendInterpolation(_ number: Int) { markup += "\(number)" }
        mutating func appendInterpolation(_ number: UInt64) { markup += "\(number)" }
        /// Appends a coordinate or length, rounded to a tenth.
        mutating func appendInterpolation(_ number: Double) { markup += number.fixed(1) }
    }

    /// Escapes text for element content and quoted attributes. Characters that are invisible or change the writing
    /// direction become the replacement character.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension Verdict {
    /// The verdict's class in the style sheet.
    var style: HTML {
        switch self {
        case .pass: "pass"
        case .fail: "fail"
        case .skip: "skip"
        case .inconclusive: "open"
        }
    }

    /// A symbol next to the verdict, because colour must not be its only distinction.
    var sign: HTML {
        switch self {
        case .pass: "✓"
        case .fail: "✗"
        case .skip: "–"
        case .inconclusive: "?"
        }
    }
}
