/// Decodes and encodes JSON string tokens.
public enum JSONString {
    /// The text of a string token (quotes included) that a `JSONScanner` has accepted. Unpaired surrogates become
    /// U+FFFD.
    public static func decode(_ token: some Collection<UInt8>) -> String {
        guard token.contains(UInt8(ascii: "\\")) else {
            return String(decoding: token.dropFirst().dropLast(), as: UTF8.self)
        }
        let content = Array(token.dropFirst().dropLast())
        var units: [UInt8] = []
        units.reserveCapacity(content.count)
        var index = 0
        while index < content.count {
            guard content[index] == UInt8(ascii: "\\"), index + 1 < content.count else {
                units.append(content[index])
                index += 1
                continue
            }
            index += 2
            switch content[index - 1] {
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "u"):
                var value = hexValue(content[index...])
                index += 4
                if (0xD800..<0xDC00).contains(value), content[index...].starts(with: [0x5C, 0x75]) {
                    let low = hexValue(content[(index + 2)...])
                    if (0xDC00..<0xE000).contains(low) {
                        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
                        index += 6
                    }
                }
                units.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
            case let plain: units.append(plain)
            }
        }
        return String(decoding: units, as: UTF8.self)
    }

    /// `text` as a JSON string token, quotes included. In addition to the required characters, escapes all that are
    /// invisible or could affect a terminal, a page or a line-oriented parser.
    public static func encode(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            return "\"\(text)\""
        }
        var token = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": token += "\\\""
            case "\\": token += "\\\\"
            default: escape(scalar, into: &token)
            }
        }
        return token + "\""
    }

    /// `text` in one line, with the same escapes for invisible characters. Quotes and backslashes are not escaped: the
    /// result is for display and cannot be parsed.
    public static func visible(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        return text.unicodeScalars.reduce(into: "") { escape($1, into: &$0) }
    }

    private static func escape(_ scalar: Unicode.Scalar, into text: inout String) {
        switch scalar {
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case _ where !scalar.isVisible:
            for unit in UTF16.encode(scalar)?.map({ $0 }) ?? [] {
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }
        default: text.unicodeScalars.append(scalar)
        }
    }

    private static func hexValue(_ digits: ArraySlice<UInt8>) -> UInt32 {
        var value: UInt32 = 0
        for byte in digits.prefix(4) {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            default: value = value << 4 | UInt32(byte &- UInt8(ascii: "A") &+ 10)
            }
        }
        return value
    }
}
