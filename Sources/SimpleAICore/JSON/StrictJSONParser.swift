/// Why `StrictJSONParser` does not accept a text.
public enum JSONFault: Error, Hashable {
    case malformed
    case tooDeep
    case duplicateMember
}

/// Parses one complete JSON text (RFC 8259): no byte order mark, no comments, no trailing commas, no lone surrogates, UTF-8
/// only, limited nesting. Refuses text that two parsers could understand differently.
public struct StrictJSONParser {
    public enum Duplicates: Sendable {
        /// The text is refused: the rule for signed content.
        case refused
        /// The object becomes `JSONValue.ambiguous` and parsing continues: for key sets, where one invalid key must not
        /// affect the others.
        case marked
    }

    /// Deep enough for any claim (three or four levels), shallow enough for any stack.
    public static let maxDepth = 32

    private let bytes: [UInt8]
    private let duplicates: Duplicates
    private var position = 0
    private var depth = 0

    public static func value(of bytes: [UInt8], duplicates: Duplicates = .refused) throws(JSONFault) -> JSONValue {
        var parser = StrictJSONParser(bytes: bytes, duplicates: duplicates)
        parser.skipSpace()
        let value = try parser.readValue()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw .malformed }
        return value
    }

    /// Parses a document that an issuer publishes, as opposed to a token: it may begin with a byte order mark, as some
    /// file servers write it (RFC 8259 §8.1 allows parsers to ignore it).
    public static func document(_ bytes: [UInt8], duplicates: Duplicates = .refused) throws(JSONFault) -> JSONValue {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        return try value(
            of: bytes.starts(with: mark) ? Array(bytes.dropFirst(mark.count)) : bytes, duplicates: duplicates)
    }

    private init(bytes: [UInt8], duplicates: Duplicates) {
        self.bytes = bytes
        self.duplicates = duplicates
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func skip(_ wanted: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: wanted) else { return false }
        position += 1
        return true
    }

    private mutating func readValue() throws(JSONFault) -> JSONValue {
        switch next {
        case UInt8(ascii: "{"): return try readObject()
        case UInt8(ascii: "["): return try readArray()
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "t"): return try readWord("true", as: .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", as: .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", as: .null)
        default: return .number(try readNumber())
        }
    }

    private mutating func readWord(_ word: StaticString, as value: JSONValue) throws(JSONFault) -> JSONValue {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count,
            word.withUTF8Buffer({ $0.elementsEqual(bytes[position..<end]) })
        else { throw .malformed }
        position = end
        return value
    }

    private mutating func readObject() throws(JSONFault) -> JSONValue {
        try descend()
        var members: [ExactString: JSONValue] = [:]
        var isAmbiguous = false
        if !skip("}") {
            repeat {
                skipSpace()
                guard next == UInt8(ascii: "\"") else { throw .malformed }
                let name = ExactString(try readString())
                skipSpace()
                guard skip(":") else { throw .malformed }
                skipSpace()
                let value = try readValue()
                if members.updateValue(value, forKey: name) != nil {
                    if duplicates == .refused { throw .duplicateMember }
                    isAmbiguous = true
                }
                skipSpace()
            } while skip(",")
            guard skip("}") else { throw .malformed }
        }
        depth -= 1
        return isAmbiguous ? .ambiguous : .object(members)
    }

    private mutating func readArray() throws(JSONFault) -> JSONValue {
        try descend()
        var elements: [JSONValue] = []
        if !skip("]") {
            repeat {
                skipSpace()
                elements.append(try readValue())
                skipSpace()
            } while skip(",")
            guard skip("]") else { throw .malformed }
        }
        depth -= 1
        return .array(elements)
    }

    /// Skips the opening bracket and the white space after it.
    private mutating func descend() throws(JSONFault) {
        depth += 1
        guard depth <= Self.maxDepth else { throw .tooDeep }
        position += 1
        skipSpace()
    }

    private mutating func readNumber() throws(JSONFault) -> Double {
        let start = position
        _ = skip("-")
        if !skip("0") { try skipDigits() }
        if skip(".") { try skipDigits() }
        if skip("e") || skip("E") {
            _ = skip("+") || skip("-")
            try skipDigits()
        }
        guard let number = Double(String(decoding: bytes[start..<position], as: UTF8.self)) else { throw .malformed }
        return number
    }

    private mutating func skipDigits() throws(JSONFault) {
        let start = position
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw .malformed }
    }

    private mutating func readString() throws(JSONFault) -> String {
        position += 1
        var start = position
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                text += bytes[start..<position]
                position += 1
                guard let string = String(validating: text, as: UTF8.self) else { throw .malformed }
                return string
            case UInt8(ascii: "\\"):
                text += bytes[start..<position]
                position += 1
                text += try readEscape()
                start = position
            case 0..<0x20:
                throw .malformed
            default:
                position += 1
            }
        }
        throw .malformed
    }

    /// The UTF-8 bytes of the escape whose backslash was just read.
    private mutating func readEscape() throws(JSONFault) -> [UInt8] {
        guard let kind = next else { throw .malformed }
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [kind]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try readScalar())).utf8)
        default: throw .malformed
        }
    }

    private mutating func readScalar() throws(JSONFault) -> Unicode.Scalar {
        let first = try readCodeUnit()
        guard UTF16.isLeadSurrogate(first) else {
            guard let scalar = Unicode.Scalar(first) else { throw .malformed }
            return scalar
        }
        guard skip("\\"), skip("u") else { throw .malformed }
        let second = try readCodeUnit()
        guard UTF16.isTrailSurrogate(second) else { throw .malformed }
        return UTF16.decode(UTF16.EncodedScalar([first, second]))
    }

    private mutating func readCodeUnit() throws(JSONFault) -> UInt16 {
        guard position + 4 <= bytes.count else { throw .malformed }
        var unit: UInt16 = 0
        for byte in bytes[position..<position + 4] {
            guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw .malformed }
            unit = unit << 4 | UInt16(digit)
        }
        position += 4
        return unit
    }
}
