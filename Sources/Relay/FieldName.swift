/// Comparison of field names, which ignores the case of ASCII letters (RFC 9110 §5.1).
enum FieldName {
    /// - Parameter lowercase: a name in lower case, of the same length.
    static func isSame(_ name: some Sequence<UInt8>, _ lowercase: [UInt8]) -> Bool {
        var index = 0
        for byte in name {
            guard lowercased(byte) == lowercase[index] else { return false }
            index += 1
        }
        return true
    }

    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
