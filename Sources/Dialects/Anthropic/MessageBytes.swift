import SimpleAICore

/// JSON text that is being written. Strings and values of the input are copied as they are written there, without
/// decoding them.
struct MessageBytes {
    var bytes: [UInt8] = []
    /// Whether nothing is written, because only the checks of a translation are needed.
    var isDiscarding = false

    mutating func write(_ text: StaticString) {
        if isDiscarding { return }
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    mutating func write(_ part: ArraySlice<UInt8>) { if !isDiscarding { bytes.append(contentsOf: part) } }
    mutating func write(number: Int) { bytes.append(contentsOf: String(number).utf8) }
    mutating func write(string: String) { bytes.append(contentsOf: JSONString.encode(string).utf8) }

    /// Writes the contents of string tokens as one string.
    mutating func write(joining contents: [ArraySlice<UInt8>], separator: StaticString) {
        if isDiscarding { return }
        write("\"")
        for (index, content) in contents.enumerated() {
            if index > 0 { write(separator) }
            write(content)
        }
        write("\"")
    }

    /// Writes JSON text as a string that contains it.
    mutating func write(quoting json: some Sequence<UInt8>) {
        if isDiscarding { return }
        write("\"")
        bytes.append(contentsOf: Self.escaped(json))
        write("\"")
    }

    /// The content of a string token for UTF-8 text.
    static func escaped(_ text: some Sequence<UInt8>) -> [UInt8] {
        var escaped: [UInt8] = []
        escaped.reserveCapacity(text.underestimatedCount)
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): escaped += [UInt8(ascii: "\\"), byte]
            case 0x0A: escaped += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x0D: escaped += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            case 0x09: escaped += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case 0..<0x20: escaped += Array("\\u00".utf8) + [hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 0xF)]]
            default: escaped.append(byte)
            }
        }
        return escaped
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)
}

extension JSONSlice {
    var isString: Bool { bytes.first == UInt8(ascii: "\"") }
    var isTrue: Bool { bytes.first == UInt8(ascii: "t") }
    var isBoolean: Bool { bytes.first == UInt8(ascii: "t") || bytes.first == UInt8(ascii: "f") }
    var isNumber: Bool {
        bytes.first.map { $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
    }

    /// The content of a string token, without its quotes; empty for anything else.
    var stringContent: ArraySlice<UInt8> { isString ? bytes.dropFirst().dropLast() : [] }

    /// The content of an engine's string token in a form that RFC 8259 allows; the lenient grammar accepts more.
    var strictStringContent: ArraySlice<UInt8> {
        let content = stringContent
        if Self.isStrict(content) { return content }
        return Array(JSONString.encode(JSONString.decode(bytes)).utf8).dropFirst().dropLast()
    }

    /// Whether the string token's text equals `text`.
    func isString(_ text: String) -> Bool { isString && Self.isKey(bytes, text) }

    private static func isStrict(_ content: ArraySlice<UInt8>) -> Bool {
        var isASCII = true
        for byte in content {
            if byte < 0x20 { return false }
            if byte >= 0x80 { isASCII = false }
        }
        return isASCII || String(validating: content, as: UTF8.self) != nil
    }
}
