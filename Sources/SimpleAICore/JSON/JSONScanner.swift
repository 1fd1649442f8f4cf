/// Scans a JSON document (RFC 8259) byte by byte as it arrives, without building values, and records the ranges of the
/// values of a few watched top-level members.
///
/// With the grammar `.strict` nothing beyond RFC 8259 is accepted: invalid UTF-8, a byte order mark, control characters in
/// strings, numbers such as `01`, trailing commas and anything after the document are errors; `.lenient` accepts some of
/// them. Nesting is bounded, so that a deeply nested document costs no more than its own bytes. A watched key that occurs
/// twice, in whatever spelling (`"model"`, `"\u006dodel"`), is an error; with `Keys.refusesVariants` (requests), so is a key
/// that another parser may read as a watched one (`"Model"`): the engine must run what was authorized.
///
/// One state machine, and therefore one file. It allocates nothing per byte.
public struct JSONScanner: Sendable {
    /// The position of a watched member's value in the document.
    public struct Member: Hashable, Sendable {
        public enum Kind: Hashable, Sendable { case string, number, object, array, boolean(Bool), null }
        public let kind: Kind
        /// Byte offsets of the whole value, quotes and brackets included.
        public let range: Range<Int>
    }

    private enum State: UInt8 {
        case value, valueOrEndOfArray, keyOrEndOfObject, key, colon, commaOrEnd, done
        case string, escape, unicodeEscape, continuation
        case literal
        case minus, zero, integer, point, fraction, exponent, exponentSign, exponentDigits
    }

    private let watched: Keys
    private let maxDepth: Int
    /// In bytes; only the beginning of a longer key is kept.
    private let maxKey: Int
    private let isLenient: Bool
    private var found: [Member?]
    private var state: State = .value
    private var containers: [Bool] = []  // true: object
    private var offset = 0
    private var failure: JSONError?
    private(set) public var isObject = false

    // The token being read.
    private var isReadingKey = false
    private var isReadingTopLevelKey = false  // its bytes are recorded
    private var seenKeys: UInt64 = 0  // one bit per watched key
    private var key: [UInt8] = []
    private var watchedIndex: Int?
    private var valueStart = 0
    private var valueKind: Member.Kind = .null
    private var literal: StaticString = "null"
    private var literalIndex = 0
    /// Whether the current literal is the byte order mark before the document.
    private var isInMark = false
    private var escapeDigits = 0
    private var escapeValue: UInt32 = 0
    private var continuationsLeft = 0
    private var continuationRange: ClosedRange<UInt8> = 0x80...0xBF

    /// - Parameter maxDepth: maximum number of nested containers.
    public init(watching keys: Keys, maxDepth: Int = 512, grammar: JSONGrammar = .strict) {
        self.isLenient = grammar == .lenient
        self.watched = keys
        self.maxKey = keys.refusesVariants ? Self.maxExactKey : Self.maxLenientKey
        self.maxDepth = maxDepth
        self.found = Array(repeating: nil, count: keys.bytes.count)
    }

    /// The value of a watched key; nil if it has not occurred (yet), or the document is not an object.
    public func member(_ key: String) -> Member? {
        guard let index = watched.bytes.firstIndex(where: { $0.count == key.utf8.count && $0.elementsEqual(key.utf8) })
        else {
            return nil
        }
        return found[index]
    }

    /// Scans the document's next bytes. After an error every further call throws the same error.
    public mutating func scan(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
        if let failure { throw failure }
        do throws(JSONError) {
            var index = 0
            while index < bytes.count {
                if state == .string { index = skipPlainString(bytes, from: index) }
                guard index < bytes.count else { break }
                try step(bytes[index], at: offset + index)
                index += 1
            }
            offset += bytes.count
        } catch {
            failure = error
            throw error
        }
    }

    public mutating func scan(_ bytes: ArraySlice<UInt8>) throws(JSONError) {
        let outcome: Result<Void, JSONError> = bytes.withUnsafeBytes { bytes in
            do throws(JSONError) {
                return .success(try scan(bytes))
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
    }

    /// Marks the end of the document; throws if it is incomplete.
    public mutating func finish() throws(JSONError) {
        if let failure { throw failure }
        switch state {
        case .zero, .integer, .fraction, .exponentDigits: if containers.isEmpty { endValue(at: offset) }
        default: break
        }
        guard state == .done else {
            let error = JSONError(.truncated, at: offset)
            failure = error
            throw error
        }
    }

    /// Fast path for the bulk of every prompt: printable ASCII inside a string.
    private mutating func skipPlainString(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        // Most of a prompt is skipped eight bytes at a time.
        while index + 8 <= bytes.count, Self.isPlain(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) {
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { break }
            index += 1
        }
        if isReadingTopLevelKey { appendToKey(bytes[start..<index]) }
        return index
    }

    /// Whether eight bytes contain no quote, backslash, control character or byte outside ASCII. A byte that is zero,
    /// or less than n, sets the highest bit of its position (S. E. Anderson, "Bit twiddling hacks").
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let hits =
            word | ((word &- ones &* 0x20) & ~word) | ((quotes &- ones) & ~quotes)
            | ((backslashes &- ones) & ~backslashes)
        return hits & high == 0
    }

    private mutating func step(_ byte: UInt8, at position: Int) throws(JSONError) {
        switch state {
        case .value, .valueOrEndOfArray, .keyOrEndOfObject, .key, .colon, .commaOrEnd, .done:
            try structure(byte, at: position)
        case .string, .escape, .unicodeEscape, .continuation:
            try insideString(byte, at: position)
        case .literal:
            try insideLiteral(byte, at: position)
        case .minus, .zero, .integer, .point, .fraction, .exponent, .exponentSign, .exponentDigits:
            try insideNumber(byte, at: position)
        }
    }
}

// MARK: - Structure

extension JSONScanner {
    private mutating func structure(_ byte: UInt8, at position: Int) throws(JSONError) {
        if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { return }
        switch state {
        case .valueOrEndOfArray where byte == UInt8(ascii: "]"):
            closeContainer(at: position)
        case .value, .valueOrEndOfArray:
            try beginValue(byte, at: position)
        case .keyOrEndOfObject where byte == UInt8(ascii: "}"):
            closeContainer(at: position)
        case .key, .keyOrEndOfObject:
            guard byte == UInt8(ascii: "\"") else { throw JSONError(.syntax, at: position) }
            isReadingTopLevelKey = containers.count == 1
            key.removeAll(keepingCapacity: true)
            isReadingKey = true
            state = .string
        case .colon:
            guard byte == UInt8(ascii: ":") else { throw JSONError(.syntax, at: position) }
            state = .value
        case .commaOrEnd:
            guard let inObject = containers.last else { throw JSONError(.syntax, at: position) }
            switch (byte, inObject) {
            case (UInt8(ascii: ","), true): state = .key
            case (UInt8(ascii: ","), false): state = .value
            case (UInt8(ascii: "}"), true), (UInt8(ascii: "]"), false): closeContainer(at: position)
            default: throw JSONError(.syntax, at: position)
            }
        default:
            throw JSONError(.trailingBytes, at: position)
        }
    }

    private mutating func beginValue(_ byte: UInt8, at position: Int) throws(JSONError) {
        if isTopLevelMember { valueStart = position }
        switch byte {
        case UInt8(ascii: "{"): try openContainer(object: true, at: position)
        case UInt8(ascii: "["): try openContainer(object: false, at: position)
        case UInt8(ascii: "\""):
            setKind(.string)
            state = .string
        case UInt8(ascii: "t"): beginLiteral("true", .boolean(true))
        case UInt8(ascii: "f"): beginLiteral("false", .boolean(false))
        case UInt8(ascii: "n"): beginLiteral("null", .null)
        case UInt8(ascii: "-"): beginNumber(.minus)
        case UInt8(ascii: "0"): beginNumber(.zero)
        case UInt8(ascii: "1")...UInt8(ascii: "9"): beginNumber(.integer)
        default: try beginLenientValue(byte, at: position)
        }
    }

    /// Begins a value that only the lenient grammar accepts.
    private mutating func beginLenientValue(_ byte: UInt8, at position: Int) throws(JSONError) {
        switch byte {
        case UInt8(ascii: "N") where isLenient: beginLiteral("NaN", .number)
        case UInt8(ascii: "I") where isLenient: beginLiteral("Infinity", .number)
        case JSONGrammar.byteOrderMark[0] where isLenient && position == 0:
            isInMark = true
            beginLiteral("\u{FEFF}", .null)
        case JSONGrammar.byteOrderMark[0] where position == 0: throw JSONError(.byteOrderMark, at: position)
        default: throw JSONError(.syntax, at: position)
        }
    }

    private var isTopLevelMember: Bool { isObject && containers.count == 1 }

    private mutating func setKind(_ kind: Member.Kind) {
        if isTopLevelMember { valueKind = kind }
    }

    private mutating func openContainer(object: Bool, at position: Int) throws(JSONError) {
        guard containers.count < maxDepth else { throw JSONError(.tooDeep, at: position) }
        setKind(object ? .object : .array)
        if containers.isEmpty { isObject = object }
        containers.append(object)
        state = object ? .keyOrEndOfObject : .valueOrEndOfArray
    }

    private mutating func closeContainer(at position: Int) {
        containers.removeLast()
        endValue(at: position + 1)
    }

    /// A value ended at `end` (exclusive).
    private mutating func endValue(at end: Int) {
        if isTopLevelMember, let index = watchedIndex {
            found[index] = Member(kind: valueKind, range: valueStart..<end)
            watchedIndex = nil
        }
        state = containers.isEmpty ? .done : .commaOrEnd
    }

}

// MARK: - Strings

extension JSONScanner {
    private mutating func insideString(_ byte: UInt8, at position: Int) throws(JSONError) {
        switch state {
        case .string:
            switch byte {
            case UInt8(ascii: "\""): try endString(at: position)
            case UInt8(ascii: "\\"): state = .escape
            case 0..<0x20 where !isLenient: throw JSONError(.syntax, at: position)
            case 0..<0x80: appendToKey(byte)
            default: try beginMultibyte(byte, at: position)
            }
        case .continuation:
            guard continuationRange.contains(byte) else {
                guard isLenient else { throw JSONError(.invalidUTF8, at: position) }
                // The character is incomplete; this byte may be the quote that ends the string.
                continuationRange = 0x80...0xBF
                state = .string
                return try insideString(byte, at: position)
            }
            continuationRange = 0x80...0xBF
            continuationsLeft -= 1
            appendToKey(byte)
            if continuationsLeft == 0 { state = .string }
        case .escape:
            guard let plain = Self.meaning(ofEscape: byte) else { throw JSONError(.syntax, at: position) }
            if byte == UInt8(ascii: "u") {
                escapeDigits = 0
                escapeValue = 0
                state = .unicodeEscape
            } else {
                appendToKey(plain)
                state = .string
            }
        default:
            guard let digit = Self.value(ofHexDigit: byte) else { throw JSONError(.syntax, at: position) }
            escapeValue = escapeValue << 4 | digit
            escapeDigits += 1
            if escapeDigits == 4 {
                if isReadingTopLevelKey { appendEscapedToKey() }
                state = .string
            }
        }
    }

    /// Determines the second bytes allowed after a lead byte: RFC 3629 §4 (no overlong forms, no surrogates, nothing
    /// above U+10FFFF).
    private mutating func beginMultibyte(_ byte: UInt8, at position: Int) throws(JSONError) {
        switch byte {
        case 0xC2...0xDF: continuationsLeft = 1
        case 0xE0: (continuationsLeft, continuationRange) = (2, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE, 0xEF: continuationsLeft = 2
        case 0xED: (continuationsLeft, continuationRange) = (2, 0x80...0x9F)
        case 0xF0: (continuationsLeft, continuationRange) = (3, 0x90...0xBF)
        case 0xF1...0xF3: continuationsLeft = 3
        case 0xF4: (continuationsLeft, continuationRange) = (3, 0x80...0x8F)
        default:
            guard isLenient else { throw JSONError(.invalidUTF8, at: position) }
            return appendToKey(byte)
        }
        appendToKey(byte)
        state = .continuation
    }

    private mutating func endString(at position: Int) throws(JSONError) {
        guard isReadingKey else { return endValue(at: position + 1) }
        isReadingKey = false
        state = .colon
        guard isReadingTopLevelKey else { return }
        isReadingTopLevelKey = false
        watchedIndex = watched.bytes.firstIndex(of: key)
        guard let watchedIndex else { return try refuseVariant(at: position) }
        let bit: UInt64 = 1 << UInt64(watchedIndex)
        guard seenKeys & bit == 0 else {
            throw JSONError(.duplicateKey(String(decoding: key, as: UTF8.self)), at: position)
        }
        seenKeys |= bit
    }

    /// Throws for an unwatched key that another parser may treat as a watched one.
    private func refuseVariant(at position: Int) throws(JSONError) {
        guard watched.refusesVariants else { return }
        guard key.count <= maxKey else { throw JSONError(.longKey, at: position) }
        guard let meaning = watched.meaning(of: key) else { return }
        throw JSONError(.ambiguousKey(String(decoding: key, as: UTF8.self), meaning: meaning), at: position)
    }

    /// Longer than every watched key, so that a truncated key equals none of them.
    private static let maxLenientKey = 64
    /// No API has keys of this length; a longer key is refused, because its end is not compared.
    private static let maxExactKey = 256

    private mutating func appendToKey(_ byte: UInt8) {
        if isReadingTopLevelKey, key.count <= maxKey { key.append(byte) }
    }

    private mutating func appendToKey(_ bytes: Slice<UnsafeRawBufferPointer>) {
        key.append(contentsOf: bytes.prefix(maxKey + 1 - min(key.count, maxKey + 1)))
    }

    /// Surrogates are encoded like other code points: no watched key contains one.
    private mutating func appendEscapedToKey() {
        if let scalar = Unicode.Scalar(escapeValue), let bytes = UTF8.encode(scalar) {
            for byte in bytes { appendToKey(byte) }
            return
        }
        appendToKey(0xE0 | UInt8(truncatingIfNeeded: escapeValue >> 12))
        appendToKey(0x80 | UInt8(truncatingIfNeeded: escapeValue >> 6) & 0x3F)
        appendToKey(0x80 | UInt8(truncatingIfNeeded: escapeValue) & 0x3F)
    }

    private static func meaning(ofEscape byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "u"): byte
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    private static func value(ofHexDigit byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}

// MARK: - Literals and numbers

extension JSONScanner {
    private mutating func beginLiteral(_ text: StaticString, _ kind: Member.Kind) {
        setKind(kind)
        literal = text
        literalIndex = 1
        state = .literal
    }

    private mutating func insideLiteral(_ byte: UInt8, at position: Int) throws(JSONError) {
        guard byte == literal.utf8Start[literalIndex] else { throw JSONError(.syntax, at: position) }
        literalIndex += 1
        guard literalIndex == literal.utf8CodeUnitCount else { return }
        if isInMark {
            isInMark = false
            state = .value
        } else {
            endValue(at: position + 1)
        }
    }

    private mutating func beginNumber(_ first: State) {
        setKind(.number)
        state = first
    }

    private mutating func insideNumber(_ byte: UInt8, at position: Int) throws(JSONError) {
        let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
        switch (state, byte) {
        case (.minus, UInt8(ascii: "0")): state = .zero
        case (.minus, _) where isDigit: state = .integer
        case (.minus, UInt8(ascii: "I")) where isLenient: beginLiteral("Infinity", .number)
        case (.integer, _) where isDigit: break
        case (.zero, UInt8(ascii: ".")), (.integer, UInt8(ascii: ".")): state = .point
        case (.point, _) where isDigit, (.fraction, _) where isDigit: state = .fraction
        case (.zero, UInt8(ascii: "e")), (.zero, UInt8(ascii: "E")), (.integer, UInt8(ascii: "e")),
            (.integer, UInt8(ascii: "E")), (.fraction, UInt8(ascii: "e")), (.fraction, UInt8(ascii: "E")):
            state = .exponent
        case (.exponent, UInt8(ascii: "+")), (.exponent, UInt8(ascii: "-")): state = .exponentSign
        case (.exponent, _) where isDigit, (.exponentSign, _) where isDigit, (.exponentDigits, _) where isDigit:
            state = .exponentDigits
        case (.zero, _) where !isDigit, (.integer, _), (.fraction, _), (.exponentDigits, _):
            // The number ended before this byte, which belongs to the structure around it.
            endValue(at: position)
            try structure(byte, at: position)
        default:
            throw JSONError(.syntax, at: position)
        }
    }
}
