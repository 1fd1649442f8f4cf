/// The reason why an external text is not a valid name. Names are written to header fields, event stream comments, log
/// lines, metrics, terminal tables and web pages, so characters with a special meaning in one of these are refused.
public enum NameFault: Error, Hashable, Sendable {
    /// Empty, or only spaces.
    case empty
    case tooLong(maxLength: Int)
    case forbidden(Unicode.Scalar)

    /// In bytes of UTF-8: longer than the names of any engine, provider or person, and short enough for a header field.
    public static let maxLength = 512

    /// Nil if the text is a valid name.
    public init?(in text: String, maxLength: Int = Self.maxLength) {
        guard text.utf8.count <= maxLength else {
            self = .tooLong(maxLength: maxLength)
            return
        }
        guard text.utf8.contains(where: { $0 != UInt8(ascii: " ") }) else {
            self = .empty
            return
        }
        // Fast path: most names are ASCII and need no look-up of properties.
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return nil }
        guard let scalar = text.unicodeScalars.first(where: \.isForbiddenInNames) else { return nil }
        self = .forbidden(scalar)
    }
}

extension NameFault: CustomStringConvertible {
    /// Continues "the name …"; quotes nothing of the text but the faulty code point.
    public var description: String {
        switch self {
        case .empty: "is empty"
        case .tooLong(let maxLength): "is longer than \(maxLength) bytes"
        case .forbidden(let scalar): "contains the forbidden character \(scalar.codePoint)"
        }
    }
}

extension Name {
    /// Creates a name from an external text.
    /// - Throws: `NameFault`.
    public init(checking text: String, maxLength: Int = NameFault.maxLength) throws(NameFault) {
        if let fault = NameFault(in: text, maxLength: maxLength) { throw fault }
        self.init(text)
    }
}

extension Unicode.Scalar {
    /// Whether a name may not contain the code point:
    ///
    /// | code points | why |
    /// |---|---|
    /// | C0, DEL | end lines and fields of HTTP, event streams and logs; ESC controls terminals |
    /// | C1 | U+0085 ends lines, U+009B begins terminal commands |
    /// | U+2028, U+2029 | end lines for JavaScript and for log readers |
    /// | U+202A–U+202E, U+2066–U+2069 | change the direction of text next to the name |
    /// | U+00AD, U+200B, U+2060–U+2064, U+FEFF, U+E0000–U+E007F | invisible: names that differ by one look the same |
    /// | noncharacters | XML cannot contain them |
    ///
    /// U+200C, U+200D, U+200E, U+200F and U+061C are allowed: Persian, Indic, Hebrew and Arabic spellings need them.
    /// They are escaped on output, like all invisible characters.
    public var isForbiddenInNames: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x200B, 0x2028...0x202E, 0x2060...0x2064, 0x2066...0x2069, 0xFDD0...0xFDEF,
            0xFEFF, 0xE0000...0xE007F:
            true
        default: value & 0xFFFE == 0xFFFE
        }
    }

    /// Whether it is displayed and has no other effect: not a control or format character (which hide, join, or change
    /// directions), nor a line or paragraph separator, but an assigned code point outside private use.
    public var isVisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }

    /// The code point in the form `U+000D`.
    public var codePoint: String {
        let digits = String(value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
}
