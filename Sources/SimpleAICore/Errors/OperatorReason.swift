/// The reason for a state, as logs, the fleet list and the admin API show it: readable, bounded, and without control
/// characters. Its text may come from engines, agents, commands and peers.
public struct OperatorReason: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringInterpolation {
    /// In bytes of UTF-8, without the ellipsis of a truncated text.
    public static let maxLength = 1 << 10

    public let description: String

    /// - Parameter text: line breaks are kept; a text without readable characters becomes "no reason was given".
    public init(_ text: String) {
        let clean = EngineText.clean(text) ?? "no reason was given"
        guard clean.utf8.count > Self.maxLength else {
            description = clean
            return
        }
        var kept = String.UnicodeScalarView()
        var length = 0
        for scalar in clean.unicodeScalars {
            length += UTF8.width(scalar)
            guard length <= Self.maxLength else { break }
            kept.append(scalar)
        }
        description = String(kept) + "…"
    }

    public init(stringLiteral text: String) { self.init(text) }

    /// Its first line, for a table.
    public var firstLine: String { String(description.prefix { !$0.isNewline }) }
}
