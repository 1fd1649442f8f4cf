/// Why a document is no JSON that we take, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        case syntax, truncated, trailingBytes, invalidUTF8, tooDeep
        case duplicateKey(String)
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
        case .syntax: "unexpected character at byte \(offset)"
        case .truncated: "the document ends early, after \(offset) bytes"
        case .trailingBytes: "something follows the document at byte \(offset)"
        case .invalidUTF8: "invalid UTF-8 at byte \(offset)"
        case .tooDeep: "nested too deeply at byte \(offset)"
        case .duplicateKey(let key): "the key \"\(key)\" occurs twice"
        }
    }
}
