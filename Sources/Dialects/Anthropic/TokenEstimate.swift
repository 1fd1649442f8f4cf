import SimpleAICore

/// An estimate of the number of tokens of a text, without the model's vocabulary. Deterministic, in one pass over the
/// bytes, without decoding.
///
/// The rule imitates how byte pair encodings split text:
/// - Latin letters in a row, with the space before them: one token for each six letters begun, where a letter with an
///   accent counts as four, because it often ends a token;
/// - digits: one token for each three begun;
/// - punctuation: one token for each two characters begun;
/// - white space: one token for a line break with the indentation after it, or for several spaces;
/// - other alphabets: one token for each three letters begun; ideographs, syllables and symbols: one token each.
struct TokenEstimate {
    private enum Run { case none, letters, digits, spaces, otherLetters, punctuation }

    private(set) var tokens = 0
    private var run = Run.none
    private var length = 0
    private var hasLineBreak = false

    /// - Parameter token: a string token or any other JSON text; escapes count as what they stand for.
    static func tokens(ofJSON text: ArraySlice<UInt8>) -> Int {
        var estimate = TokenEstimate()
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte == UInt8(ascii: "\\"), index + 1 < text.endIndex {
                index += estimate.addEscape(text[index...])
            } else if byte < 0x80 {
                estimate.add(ascii: byte)
                index += 1
            } else {
                let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
                estimate.add(character: Self.scalar(text[index...].prefix(length)))
                index += length
            }
        }
        estimate.finishRun()
        return estimate.tokens
    }

    /// - Returns: the length of the escape.
    private mutating func addEscape(_ text: ArraySlice<UInt8>) -> Int {
        switch text[text.startIndex + 1] {
        case UInt8(ascii: "n"), UInt8(ascii: "r"): add(ascii: 0x0A)
        case UInt8(ascii: "t"): add(ascii: 0x09)
        case UInt8(ascii: "u"):
            let digits = text.dropFirst(2).prefix(4)
            let value = digits.reduce(UInt32(0)) { $0 << 4 | UInt32(Byte.hexDigit($1) ?? 0) }
            // The second half of a pair belongs to the character of the first.
            if !(0xDC00..<0xE000).contains(value) { value < 0x80 ? add(ascii: UInt8(value)) : add(character: value) }
            return 6
        case let other: add(ascii: other)
        }
        return 2
    }

    private mutating func add(ascii byte: UInt8) {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): extend(.letters)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): extend(.digits)
        case 0...0x20:
            extend(.spaces)
            if byte == 0x0A { hasLineBreak = true }
        default: extend(.punctuation)
        }
    }

    private mutating func add(character scalar: UInt32) {
        switch scalar {
        case 0x80..<0x250:  // Latin letters with accents
            extend(.letters)
            length += 3
        case 0x250..<0x1100, 0x1E00..<0x2000: extend(.otherLetters)  // Greek, Cyrillic, Arabic, Indic scripts
        default:
            finishRun()
            tokens += 1
        }
    }

    private mutating func extend(_ kind: Run) {
        if run != kind { finishRun() }
        run = kind
        length += 1
    }

    private mutating func finishRun() {
        switch run {
        case .none: break
        case .letters: tokens += (length + 5) / 6
        case .digits, .otherLetters: tokens += (length + 2) / 3
        case .punctuation: tokens += (length + 1) / 2
        // A single space belongs to the next word.
        case .spaces: tokens += hasLineBreak || length > 1 ? 1 : 0
        }
        (run, length, hasLineBreak) = (.none, 0, false)
    }

    private static func scalar(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        guard let first = bytes.first else { return 0 }
        let bits = first >= 0xF0 ? first & 0x07 : first >= 0xE0 ? first & 0x0F : first & 0x1F
        return bytes.dropFirst().reduce(UInt32(bits)) { $0 << 6 | UInt32($1 & 0x3F) }
    }
}
