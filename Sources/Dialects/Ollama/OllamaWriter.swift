import SimpleAICore

/// Writes one JSON document in one line, which clients of Ollama require: they split streams at line breaks.
///
/// The `ollama` package splits at every Unicode line break (Python's `splitlines`), so the breaks that JSON allows in
/// strings (U+0085, U+2028, U+2029) are escaped, in copied values too.
struct OllamaWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// - Parameter name: a name without characters that JSON escapes.
    mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func key(text: String) {
        separate()
        bytes.append(contentsOf: JSONString.encode(text).utf8)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func string(_ text: String) {
        separate()
        bytes.append(contentsOf: JSONString.encode(text).utf8)
    }

    mutating func integer(_ number: Int) {
        separate()
        bytes.append(contentsOf: String(number).utf8)
    }

    mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Copies a value of a checked document.
    mutating func raw(_ value: ArraySlice<UInt8>) {
        separate()
        Self.append(value, to: &bytes)
    }

    /// A string of these bytes, which need no escape.
    mutating func string(plain parts: ArraySlice<UInt8>...) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for part in parts { bytes.append(contentsOf: part) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Copies a string token of an engine, or writes it anew if it has bytes that only lenient readers accept.
    mutating func token(_ token: ArraySlice<UInt8>) {
        guard Self.isSafe(token: token) else { return string(JSONString.decode(token)) }
        separate()
        bytes.append(contentsOf: token)
    }

    /// An engine's text: a string, or a list of parts with text. Anything else is an empty string.
    mutating func text(_ value: JSONSlice) {
        if value.bytes.first == UInt8(ascii: "\"") { token(value.bytes) } else { string(Self.joinedText(of: value)) }
    }

    static func joinedText(of parts: JSONSlice) -> String {
        parts.elements.reduce(into: "") { $0 += $1.string ?? $1["text"]?.string ?? "" }
    }

    // MARK: Bytes

    /// Whether a string token may be copied: no control characters, valid UTF-8, no line breaks, and no `\u` escape
    /// (which may be one half of a surrogate pair).
    static func isSafe(token: ArraySlice<UInt8>) -> Bool {
        var isASCII = true
        var index = token.startIndex
        while index < token.endIndex {
            let byte = token[index]
            if byte < 0x20 { return false }
            if byte == UInt8(ascii: "\\") {
                index += 1
                guard index < token.endIndex, isSimpleEscape(token[index]) else { return false }
            } else if byte >= 0x80 {
                isASCII = false
                if lineBreak(in: token, at: index) != nil { return false }
            }
            index += 1
        }
        return isASCII || String(validating: token, as: UTF8.self) != nil
    }

    /// Whether valid UTF-8 contains a line break other than CR and LF.
    static func hasLineBreak(_ text: ArraySlice<UInt8>) -> Bool {
        text.indices.contains { text[$0] >= 0x80 && lineBreak(in: text, at: $0) != nil }
    }

    /// Whether a backslash and this byte are an escape of two characters.
    private static func isSimpleEscape(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            true
        default: false
        }
    }

    /// The escape of the Unicode line break (U+0085, U+2028, U+2029) that begins at `index`, and its length in UTF-8.
    private static func lineBreak(in bytes: ArraySlice<UInt8>, at index: Int) -> (escape: StaticString, length: Int)? {
        let left = bytes.endIndex - index
        switch bytes[index] {
        case 0xC2 where left >= 2 && bytes[index + 1] == 0x85: return ("\\u0085", 2)
        case 0xE2 where left >= 3 && bytes[index + 1] == 0x80 && bytes[index + 2] == 0xA8: return ("\\u2028", 3)
        case 0xE2 where left >= 3 && bytes[index + 1] == 0x80 && bytes[index + 2] == 0xA9: return ("\\u2029", 3)
        default: return nil
        }
    }

    /// Appends a checked value without line breaks. In valid JSON, CR and LF occur only between tokens, and other line
    /// breaks only in strings.
    private static func append(_ value: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        var index = value.startIndex
        while index < value.endIndex {
            let byte = value[index]
            if byte == 0x0A || byte == 0x0D {
                bytes.append(0x20)
            } else if byte >= 0x80, let (escape, length) = lineBreak(in: value, at: index) {
                escape.withUTF8Buffer { bytes.append(contentsOf: $0) }
                index += length
                continue
            } else {
                bytes.append(byte)
            }
            index += 1
        }
    }
}
