/// The members of an object in their original form, read independently of the scanner: every key decoded, none
/// merged. For documents that are known to be valid JSON.
struct TolerantReader {
    struct Member {
        /// UTF-16, because unpaired surrogates may occur.
        let key: [UInt16]
        /// The value's own bytes.
        let value: ArraySlice<UInt8>

        var text: String { String(decoding: value, as: UTF8.self) }
    }

    private let bytes: ArraySlice<UInt8>
    private var index: Int

    static func members(of document: ArraySlice<UInt8>) -> [Member] {
        var reader = TolerantReader(bytes: document, index: document.startIndex)
        reader.skipSpace()
        return reader.object()
    }

    private mutating func object() -> [Member] {
        guard take("{") else { return [] }
        var members: [Member] = []
        while index < bytes.endIndex {
            skipSpace()
            if take("}") { break }
            if take(",") { continue }
            let key = string()
            skipSpace()
            _ = take(":")
            skipSpace()
            let start = index
            skipValue()
            members.append(Member(key: key, value: bytes[start..<index]))
        }
        return members
    }

    private mutating func skipValue() {
        var depth = 0
        while index < bytes.endIndex {
            switch bytes[index] {
            case UInt8(ascii: "\""): _ = string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return }
                depth -= 1
                index += 1
            case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D:
                if depth == 0 { return }
                index += 1
            default: index += 1
            }
            if depth == 0, index < bytes.endIndex, [UInt8(ascii: ","), UInt8(ascii: "}")].contains(bytes[index]) {
                return
            }
        }
    }

    private mutating func string() -> [UInt16] {
        guard take("\"") else {
            index += 1
            return []
        }
        var plain: [UInt8] = []
        var units: [UInt16] = []
        while index < bytes.endIndex, bytes[index] != UInt8(ascii: "\"") {
            guard bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.endIndex else {
                plain.append(bytes[index])
                index += 1
                continue
            }
            units += Array(String(decoding: plain, as: UTF8.self).utf16)
            plain = []
            let escape = bytes[index + 1]
            index += 2
            switch escape {
            case UInt8(ascii: "u"):
                units.append(UInt16(String(decoding: bytes[index...].prefix(4), as: UTF8.self), radix: 16) ?? 0)
                index = min(index + 4, bytes.endIndex)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            default: units.append(UInt16(escape))
            }
        }
        _ = take("\"")
        return units + Array(String(decoding: plain, as: UTF8.self).utf16)
    }

    private mutating func skipSpace() {
        while index < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.endIndex, UInt32(bytes[index]) == character.value else { return false }
        index += 1
        return true
    }
}

/// The ways in which other programs compare a key with the name of a field.
enum KeyComparison: CaseIterable {
    /// Go's `encoding/json`: every character by its orbit of simple foldings.
    case simpleFolding
    /// Java's `equalsIgnoreCase`: upper case of each character, then lower case of that.
    case upperThenLower
    /// Libraries that fold whole strings.
    case fullLowerCase, fullUpperCase
    /// C: the key ends at its first NUL, and ASCII letters match without case.
    case cString
    /// Readers of protocol buffers: separators are ignored.
    case withoutSeparators
    /// Readers that drop characters that they cannot represent.
    case withoutBrokenCharacters
    /// Foundation: a byte order mark at the beginning of a string, or after an escape, is dropped.
    case withoutByteOrderMarks

    func takes(_ key: [UInt16], for name: String) -> Bool {
        let text = String(decoding: key, as: UTF16.self)
        switch self {
        case .simpleFolding:
            return Self.equal(text, name) { scalar in
                switch scalar.value {
                case 0x17F: "s"
                case 0x212A: "k"
                default: scalar.properties.lowercaseMapping
                }
            }
        case .upperThenLower:
            return Self.equal(text, name) { $0.properties.uppercaseMapping.lowercased() }
                || Self.equal(text, name) { $0.value == 0x130 ? "i" : String($0).lowercased() }
        case .fullLowerCase: return text.lowercased().utf8.elementsEqual(name.utf8)
        case .fullUpperCase: return text.uppercased().utf8.elementsEqual(name.uppercased().utf8)
        case .cString:
            let units = key.prefix { $0 != 0 }.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
            return units.elementsEqual(name.utf16)
        case .withoutSeparators:
            let separators: [UInt16] = [0x5F, 0x2D]
            return key.filter { !separators.contains($0) }.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
                .elementsEqual(name.utf16.filter { !separators.contains($0) })
        case .withoutByteOrderMarks: return key.filter { $0 != 0xFEFF }.elementsEqual(name.utf16)
        case .withoutBrokenCharacters:
            let whole = key.indices.filter { index in
                let next = index + 1 < key.endIndex ? key[index + 1] : 0
                let previous = index > key.startIndex ? key[index - 1] : 0
                return switch key[index] {
                case 0xD800..<0xDC00: (0xDC00..<0xE000).contains(next)
                case 0xDC00..<0xE000: (0xD800..<0xDC00).contains(previous)
                default: true
                }
            }
            return String(decoding: whole.map { key[$0] }, as: UTF16.self).lowercased().utf8.elementsEqual(name.utf8)
        }
    }

    private static func equal(_ text: String, _ name: String, _ fold: (Unicode.Scalar) -> String) -> Bool {
        text.unicodeScalars.map(fold).joined().utf8.elementsEqual(name.utf8)
    }
}
