/// A name with wildcards, as in settings: `*` matches any number of characters, `?` exactly one, everything else
/// itself, byte by byte.
public struct NamePattern: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let text: String
    private let bytes: [UInt8]

    public init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    public init(stringLiteral value: String) { self.init(value) }

    public var description: String { text }
    public var hasWildcards: Bool { bytes.contains(Self.anything) || bytes.contains(Self.one) }

    /// Takes at most time proportional to the product of both lengths, whatever callers request.
    public func matches(_ name: String) -> Bool { Self.matches(bytes, name, hasSingleWildcard: true) }

    /// - Parameters:
    ///   - bytes: the pattern.
    ///   - hasSingleWildcard: whether `?` matches one character; otherwise it matches itself.
    static func matches(_ bytes: [UInt8], _ name: String, hasSingleWildcard: Bool) -> Bool {
        let name = Array(name.utf8)
        var (position, reached) = (0, 0)
        // The position of the last `*`, and of the first character of the name that it has not matched yet.
        var lastStar: (pattern: Int, name: Int)?
        while reached < name.count {
            if position < bytes.count, bytes[position] == anything {
                lastStar = (position, reached)
                position += 1
            } else if hasSingleWildcard, position < bytes.count, bytes[position] == one {
                position += 1
                reached = endOfCharacter(in: name, at: reached)
            } else if position < bytes.count, bytes[position] == name[reached] {
                position += 1
                reached += 1
            } else if let star = lastStar {
                lastStar = (star.pattern, star.name + 1)
                (position, reached) = (star.pattern + 1, star.name + 1)
            } else {
                return false
            }
        }
        return bytes[position...].allSatisfy { $0 == anything }
    }

    private static let anything = UInt8(ascii: "*")
    private static let one = UInt8(ascii: "?")

    /// The index after the UTF-8 sequence that begins at `start`.
    private static func endOfCharacter(in name: [UInt8], at start: Int) -> Int {
        var end = start + 1
        while end < name.count, name[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }
}
