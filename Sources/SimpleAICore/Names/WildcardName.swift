/// A name in which `*` matches any number of bytes, such as `claude-*-haiku-*`; everything else matches itself, byte by
/// byte. Unlike in a `NamePattern`, `?` is an ordinary character.
public struct WildcardName: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    private let bytes: [UInt8]
    /// Number of bytes that match only themselves. Of two names that match, the one with more of them is more specific.
    public let literalLength: Int

    public init(_ text: String) {
        bytes = Array(text.utf8)
        literalLength = bytes.count { $0 != Self.anything }
    }

    public init(stringLiteral value: String) { self.init(value) }

    public var text: String { String(decoding: bytes, as: UTF8.self) }
    public var description: String { text }
    public var hasWildcards: Bool { literalLength < bytes.count }

    /// Whether this name precedes another one that matches as well: names without wildcards are the most specific ones.
    public func isMoreSpecific(than other: WildcardName) -> Bool {
        if hasWildcards != other.hasWildcards { return !hasWildcards }
        return literalLength > other.literalLength
    }

    /// Takes at most time proportional to the product of both lengths, whatever callers request.
    public func matches(_ name: String) -> Bool {
        NamePattern.matches(bytes, name, hasSingleWildcard: false)
    }

    /// Whether some name matches both.
    public func overlaps(_ other: WildcardName) -> Bool {
        let (left, right) = (bytes, other.bytes)
        // `below[j]`: whether the rest of `left` after the current byte and the rest of `right` from `j` have a name in
        // common.
        var below = [Bool](repeating: false, count: right.count + 1)
        for i in stride(from: left.count, through: 0, by: -1) {
            var row = [Bool](repeating: false, count: right.count + 1)
            for j in stride(from: right.count, through: 0, by: -1) {
                let (hasLeft, hasRight) = (i < left.count, j < right.count)
                if !hasLeft, !hasRight {
                    row[j] = true
                } else if hasLeft && left[i] == Self.anything || hasRight && right[j] == Self.anything {
                    row[j] =
                        hasLeft && below[j] && (left[i] == Self.anything || right[j] == Self.anything)
                        || hasRight && row[j + 1] && (hasLeft && left[i] == Self.anything || right[j] == Self.anything)
                } else if hasLeft, hasRight, left[i] == right[j] {
                    row[j] = below[j + 1]
                }
            }
            below = row
        }
        return below[0]
    }

    private static let anything = UInt8(ascii: "*")
}
