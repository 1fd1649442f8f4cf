/// Why a text from outside cannot be a name. Names end up in header fields, event stream comments, log lines, metrics,
/// tables in terminals and web pages; what could be more than a name in one of these is refused where it enters.
public enum NameFault: Error, Hashable, Sendable {
    /// Nothing, or nothing but spaces.
    case empty
    case tooLong(maxLength: Int)
    case forbidden(Unicode.Scalar)

    /// In bytes of UTF-8: more than any engine, provider or person uses, and little enough for a header field.
    public static let maxLength = 512

    /// What is wrong with a text as a name; nil for nothing.
    public init?(in text: String, maxLength: Int = Self.maxLength) {
        guard text.utf8.count <= maxLength else {
            self = .tooLong(maxLength: maxLength)
            return
        }
        guard text.utf8.contains(where: { $0 != UInt8(ascii: " ") }) else {
            self = .empty
            return
        }
        // Most names are ASCII, and need no look at properties.
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return nil }
        guard let scalar = text.unicodeScalars.first(where: \.isForbiddenInNames) else { return nil }
        self = .forbidden(scalar)
    }
}

extension NameFault: CustomStringConvertible {
    /// Continues "the name …"; nothing of the text but the code point at fault.
    public var description: String {
        switch self {
        case .empty: "is empty"
        case .tooLong(let maxLength): "is longer than \(maxLength) bytes"
        case .forbidden(let scalar): "contains \(scalar.codePoint), which no name may contain"
        }
    }
}

extension Name {
    /// A name from outside.
    public init(checking text: String, maxLength: Int = NameFault.maxLength) throws(NameFault) {
        if let fault = NameFault(in: text, maxLength: maxLength) { throw fault }
        self.init(text)
    }
}

extension Unicode.Scalar {
    /// | code points | why |
    /// |---|---|
    /// | C0, DEL | they end lines and fields of HTTP, event streams and logs; ESC commands terminals |
    /// | C1 | U+0085 ends lines, U+009B begins terminals' commands |
    /// | U+2028, U+2029 | they end lines for JavaScript and for readers of logs |
    /// | U+202A–U+202E, U+2066–U+2069 | they turn the direction of what stands beside the name |
    /// | U+00AD, U+200B, U+2060–U+2064, U+FEFF, U+E0000–U+E007F | invisible, and no part of any spelling: two names that differ by one look the same |
    /// | noncharacters | XML cannot carry them |
    ///
    /// U+200C, U+200D, U+200E, U+200F and U+061C may stand in names: Persian, Indic, Hebrew and Arabic spellings need them.
    /// Where names are shown they are escaped, like all that cannot be seen.
    public var isForbiddenInNames: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x200B, 0x2028...0x202E, 0x2060...0x2064, 0x2066...0x2069, 0xFDD0...0xFDEF,
            0xFEFF, 0xE0000...0xE007F:
            true
        default: value & 0xFFFE == 0xFFFE
        }
    }

    /// Whether it shows as a character where it stands, and does nothing else: no control, no format character (which
    /// hide, join, or turn directions), no line or paragraph separator, and a code point that means something to everybody.
    public var isVisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }

    /// `U+000D`.
    public var codePoint: String {
        let digits = String(value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
}
