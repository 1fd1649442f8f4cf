/// Why something is as it is, as logs, the fleet list and the admin API show it: readable, of bounded size, and without
/// characters that control a terminal. Engines, agents, commands and peers supply parts of it.
public struct OperatorReason: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringInterpolation {
    /// In bytes of UTF-8, without the mark of a cut.
    public static let maxLength = 1 << 10

    public let description: String

    /// - Parameter text: line breaks stay; nothing readable becomes "no reason was given".
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
