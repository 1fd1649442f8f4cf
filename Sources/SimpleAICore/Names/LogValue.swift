/// A value in a log line of `key=value` pairs.
public enum LogValue {
    /// Unchanged if it consists of visible ASCII characters other than `"`, `=` and `\`; otherwise a JSON string, so
    /// that the closing quotation mark ends the value, whatever it contains.
    public static func text(_ value: String) -> String {
        let isWord = value.utf8.allSatisfy { byte in
            (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
                && byte != UInt8(ascii: "\\")
        }
        return isWord && !value.isEmpty ? value : JSONString.encode(value)
    }
}
