/// Bearer credentials (RFC 6750 §2.1).
public enum Bearer {
    /// The token of an `Authorization` value; nil for another scheme or none.
    public static func token(in authorization: String?) -> String? {
        guard let authorization else { return nil }
        let bytes = authorization.utf8
        let scheme = bytes.prefix(7)
        guard scheme.elementsEqual("Bearer ".utf8) || scheme.map({ $0 | 0x20 }).elementsEqual("bearer ".utf8) else {
            return nil
        }
        let token = bytes.dropFirst(7).drop { $0 == UInt8(ascii: " ") }
        return token.isEmpty ? nil : String(Substring(token))
    }

    /// Whether an `Authorization` value consists of the usual spelling of the scheme, one space and this token, byte for
    /// byte.
    public static func isToken(_ token: String, of authorization: String) -> Bool {
        let schemeLength = 7
        guard authorization.utf8.count == schemeLength + token.utf8.count else { return false }
        let isSame = token.utf8.withContiguousStorageIfAvailable { token in
            authorization.utf8.withContiguousStorageIfAvailable { authorization in
                authorization.prefix(schemeLength).elementsEqual("Bearer ".utf8)
                    && String.isSame(token, UnsafeBufferPointer(rebasing: authorization[schemeLength...]))
            }
        }
        return (isSame ?? false) ?? false
    }

    /// Compares strings of equal length in constant time; the time reveals only whether the lengths differ.
    public static func isEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
