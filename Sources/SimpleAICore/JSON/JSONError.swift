/// The reason why a JSON document is refused, and the position.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        case syntax, byteOrderMark, truncated, trailingBytes, invalidUTF8, tooDeep
        case duplicateKey(String)
        /// A key that other parsers may read as a watched one.
        case ambiguousKey(String, meaning: String)
        /// A key too long to be compared.
        case longKey
    }
    public let reason: Reason
    /// Byte offset in the document.
    public let offset: Int

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    public var description: String {
        switch reason {
        case .byteOrderMark: "it begins with a byte order mark; save it as UTF-8 without one"
        case .syntax: "unexpected character at byte \(offset)"
        case .truncated: "the document ends early, after \(offset) bytes"
        case .trailingBytes: "unexpected content after the document at byte \(offset)"
        case .invalidUTF8: "invalid UTF-8 at byte \(offset)"
        case .tooDeep: "nested too deeply at byte \(offset)"
        case .duplicateKey(let key): "the key \"\(key)\" occurs twice"
        case .ambiguousKey(let key, let meaning):
            "the key \"\(Self.visible(key))\" is ambiguous with \"\(meaning)\"; write \"\(meaning)\" once"
        case .longKey: "the key that ends at byte \(offset) is too long"
        }
    }

    /// The watched key that occurs twice or in a variant; nil for all other errors.
    public var ambiguousKey: String? {
        switch reason {
        case .duplicateKey(let key), .ambiguousKey(_, meaning: let key): key
        default: nil
        }
    }

    /// Whether the document was refused only for its keys.
    public var isAboutKeys: Bool { ambiguousKey != nil || reason == .longKey }

    /// Escapes all characters that are invisible or may look like others.
    private static func visible(_ key: String) -> String {
        key.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.value > 0x20, scalar.value < 0x7F {
                text.unicodeScalars.append(scalar)
            } else {
                text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
    }
}
