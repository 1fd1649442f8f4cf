/// A value in a line of `key=value` pairs, as log lines have them.
public enum LogValue {
    /// As it is if it is a word of visible ASCII; else as a JSON string, so that the value ends where its quotation mark
    /// stands, whatever it consists of.
    public static func text(_ value: String) -> String {
        let isWord = value.utf8.allSatisfy { byte in
            (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
                && byte != UInt8(ascii: "\\")
        }
        return isWord && !value.isEmpty ? value : JSONString.encode(value)
    }
}
