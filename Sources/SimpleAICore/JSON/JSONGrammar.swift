/// The grammar that a JSON document must match.
public enum JSONGrammar: Hashable, Sendable {
    /// RFC 8259: for documents of clients.
    case strict
    /// Also accepts what engines write: `NaN`, `Infinity` and `-Infinity` as numbers (Python's encoder), invalid UTF-8
    /// and control characters in strings (a token limit inside a character), a byte order mark before the document.
    /// Brackets, quotes, commas and the end are as strict as in RFC 8259.
    case lenient

    /// U+FEFF in UTF-8.
    public static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
}
