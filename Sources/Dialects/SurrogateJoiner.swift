/// Joins the halves of surrogate pairs (RFC 8259 §7) that an engine has split over two pieces of a text, because clients
/// decode each piece by itself.
struct SurrogateJoiner: Sendable {
    /// The escape of a first half whose second half has not been received.
    private var held: [UInt8] = []

    var isEmpty: Bool { held.isEmpty }

    private static let replacement = Array("\\ufffd".utf8)
    private static let escapeLength = 6

    /// - Parameter content: the content of a string token.
    /// - Returns: the content that can be sent now.
    mutating func join(_ content: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let endsOpen = Self.endsWithFirstHalf(content)
        guard endsOpen || !held.isEmpty, !content.isEmpty else { return content }
        var joined: [UInt8] = []
        if !held.isEmpty { joined += Self.isHalf(content, "cdef") ? held : Self.replacement }
        joined += content
        held = []
        if endsOpen {
            held = Array(joined.suffix(Self.escapeLength))
            joined.removeLast(Self.escapeLength)
        }
        return joined[...]
    }

    /// The content in place of a half that remained alone.
    mutating func takeRest() -> [UInt8] {
        guard !held.isEmpty else { return [] }
        held = []
        return Self.replacement
    }

    private static func endsWithFirstHalf(_ content: ArraySlice<UInt8>) -> Bool {
        guard content.count >= escapeLength, isHalf(content.suffix(escapeLength), "89ab") else { return false }
        // After an odd number of backslashes, the last one is itself escaped.
        let backslashes = content.dropLast(escapeLength).reversed().prefix { $0 == UInt8(ascii: "\\") }.count
        return backslashes.isMultiple(of: 2)
    }

    /// Whether the content begins with an escape from `\uD800` on, whose second digit is one of these.
    private static func isHalf(_ content: ArraySlice<UInt8>, _ digits: StaticString) -> Bool {
        guard content.count >= escapeLength else { return false }
        let start = content.startIndex
        guard content[start] == UInt8(ascii: "\\"), content[start + 1] == UInt8(ascii: "u"),
            content[start + 2] | 0x20 == UInt8(ascii: "d")
        else { return false }
        return digits.withUTF8Buffer { $0.contains(content[start + 3] | 0x20) || $0.contains(content[start + 3]) }
    }
}
