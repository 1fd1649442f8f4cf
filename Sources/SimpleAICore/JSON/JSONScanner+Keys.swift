extension JSONScanner {
    /// The top-level keys that a scanner watches. They are short and few, since each key of a document is compared with
    /// each of them. Created once, and shared by all scanners that watch the same keys.
    public struct Keys: Sendable, ExpressibleByArrayLiteral {
        let bytes: [[UInt8]]
        /// The keys in the form of `FoldedKey`; empty if only the exact spelling is watched.
        private let folded: [[UInt8]]
        /// One bit for each length of a folded key, and for each first letter.
        private let lengths: UInt64
        private let initials: UInt32

        /// Watches the exact spellings; other spellings are different keys. For documents of engines, which are read
        /// leniently.
        public init(_ names: [String]) {
            bytes = names.map { Array($0.utf8) }
            folded = []
            (lengths, initials) = (0, 0)
        }

        public init(arrayLiteral names: String...) { self.init(names) }

        /// Watches keys that must be spelled exactly, and refuses their variants. For documents of callers: the next
        /// program that reads the same bytes may treat a variant as the key (Go's `encoding/json`, ASP.NET and cJSON
        /// ignore case).
        public init(refusingVariantsOf names: [String]) {
            bytes = names.map { Array($0.utf8) }
            let folded = bytes.map { FoldedKey.bytes(of: $0) }
            lengths = folded.reduce(0) { $0 | Self.lengthBit($1.count) }
            initials = folded.reduce(0) { $0 | Self.initialBit($1.first ?? 0) }
            self.folded = folded
        }

        /// Whether a key that may be read as a watched one is an error.
        var refusesVariants: Bool { !folded.isEmpty }

        /// The watched key as which another parser may read `key`. Call only with keys that are not watched.
        func meaning(of key: [UInt8]) -> String? {
            guard refusesVariants, isPossibleVariant(key) else { return nil }
            let folded = FoldedKey.bytes(of: key)
            return self.folded.firstIndex(of: folded).map { String(decoding: bytes[$0], as: UTF8.self) }
        }

        /// Whether folding the key is worthwhile; false for almost every unwatched key.
        private func isPossibleVariant(_ key: [UInt8]) -> Bool {
            guard let first = key.first, key.allSatisfy(Self.isLetterOrDigit) else { return !key.isEmpty }
            return lengths & Self.lengthBit(key.count) != 0 && initials & Self.initialBit(first) != 0
        }

        private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
            byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
        }

        private static func lengthBit(_ length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }
        /// The bit of the first letter, by its lower five bits, which ignore case.
        private static func initialBit(_ byte: UInt8) -> UInt32 { 1 << UInt32(byte & 0x1F) }
    }
}

/// A key in the form in which the most tolerant parsers compare it. Some parser may treat two keys with the same folded
/// form as one key:
///
/// Case is ignored, by Unicode's simple case folding (ſ is s, K is k) and by every case mapping that yields ASCII
/// letters: İ and ı (Java compares upper and lower case of each), ß, ẞ and the ligatures (full case folding).
/// - `_` and `-` are ignored. Protocol Buffers parsers read `maxTokens` as `max_tokens`.
/// - The key ends at U+0000, as in C.
/// - Unpaired surrogates are ignored: parsers that cannot represent them drop them.
/// - U+FEFF is ignored: Foundation drops a byte order mark at the beginning of a string and after an escape.
enum FoldedKey {
    /// - Parameter key: UTF-8; a surrogate is encoded in three bytes, like other code points in its range.
    static func bytes(of key: [UInt8]) -> [UInt8] {
        var folded: [UInt8] = []
        folded.reserveCapacity(key.count)
        var index = 0
        while index < key.count {
            let byte = key[index]
            switch byte {
            case 0: return folded
            case UInt8(ascii: "_"), UInt8(ascii: "-"): index += 1
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                folded.append(byte | 0x20)
                index += 1
            case 0..<0x80:
                folded.append(byte)
                index += 1
            default:
                let length = min(byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2, key.count - index)
                let character = key[index..<index + length]
                if isHighSurrogate(character), isLowSurrogate(key[(index + length)...].prefix(3)) {
                    folded += key[index..<index + 2 * length]
                    index += 2 * length
                } else {
                    if !isSurrogate(character) { folded += letters(of: character) ?? character[...] }
                    index += length
                }
            }
        }
        return folded
    }

    /// The ASCII letters as which some parser reads a non-ASCII character, none for one that it drops; nil for other
    /// characters.
    private static func letters(of character: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let text: StaticString
        switch Array(character) {
        case [0xC5, 0xBF]: text = "s"  // U+017F
        case [0xE2, 0x84, 0xAA]: text = "k"  // U+212A
        case [0xC4, 0xB0], [0xC4, 0xB1]: text = "i"  // U+0130, U+0131
        case [0xC3, 0x9F], [0xE1, 0xBA, 0x9E]: text = "ss"  // U+00DF, U+1E9E
        case [0xEF, 0xAC, 0x80]: text = "ff"  // U+FB00
        case [0xEF, 0xAC, 0x81]: text = "fi"
        case [0xEF, 0xAC, 0x82]: text = "fl"
        case [0xEF, 0xAC, 0x83]: text = "ffi"
        case [0xEF, 0xAC, 0x84]: text = "ffl"
        case [0xEF, 0xAC, 0x85], [0xEF, 0xAC, 0x86]: text = "st"
        case [0xEF, 0xBB, 0xBF]: text = ""  // U+FEFF
        default: return nil
        }
        return text.withUTF8Buffer { ArraySlice($0) }
    }

    private static func isSurrogate(_ character: ArraySlice<UInt8>) -> Bool {
        character.count == 3 && character.first == 0xED && character[character.startIndex + 1] >= 0xA0
    }

    private static func isHighSurrogate(_ character: ArraySlice<UInt8>) -> Bool {
        isSurrogate(character) && character[character.startIndex + 1] < 0xB0
    }

    private static func isLowSurrogate(_ character: ArraySlice<UInt8>) -> Bool {
        isSurrogate(character) && character[character.startIndex + 1] >= 0xB0
    }
}
