#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Finds the top-level members of a JSON object that arrives in pieces. Stores no values: the size of its state is constant.
///
/// Checks the structure (the object ends where the document ends, members have keys), but not the content of members:
/// engines write invalid JSON (`NaN`, invalid UTF-8), which is accepted. Every byte is examined once.
struct DocumentScanner {
    enum Event {
        /// The value of a watched key begins at this offset of the document.
        case valueBegan(key: Int, at: Int)
        /// The value ended before this offset.
        case valueEnded(key: Int, at: Int)
        /// The value is neither `null` nor an empty string, object or array.
        case valueHasContent(key: Int)
    }

    private enum State {
        case start, key, colon, value, scalar, comma, nested, end
    }

    /// The document is not one JSON object.
    var isMalformed = false
    /// Number of bytes scanned.
    private(set) var offset = 0

    private let keys: [[UInt8]]
    private var state = State.start
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// Whether the current string is a top-level key.
    private var isInKey = false
    private var key: [UInt8] = []
    /// The watched key of the current value.
    private var watched: Int?
    /// Whether it is still unknown whether that value has content.
    private var awaitsContent = false

    /// - Parameter keys: the top-level keys to watch, compared without decoding escapes.
    init(watching keys: [String]) { self.keys = keys.map { Array($0.utf8) } }

    /// Whether the object has ended, without further bytes.
    var isComplete: Bool { state == .end && !isMalformed }

    /// In bytes; no watched key is longer.
    private static let maxKeyLength = 64

    mutating func scan(_ bytes: UnsafeRawBufferPointer, _ report: (Event) -> Void) {
        var index = 0
        while index < bytes.count, !isMalformed {
            if isInString {
                index = scanString(bytes, from: index, report)
            } else if state == .nested {
                index = scanNested(bytes, from: index, report)
            } else {
                step(bytes[index], at: offset + index, report)
                index += 1
            }
        }
        offset += bytes.count
    }

    /// - Returns: the index after the string, or the end of `bytes`.
    private mutating func scanString(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ report: (Event) -> Void
    ) -> Int {
        var index = start
        if awaitsContent { contentFound(bytes[index] != UInt8(ascii: "\""), report) }
        var quote = Self.index(of: UInt8(ascii: "\""), in: bytes, from: index)
        while index < bytes.count {
            if isEscaped {
                isEscaped = false
                noteKey(bytes, index..<index + 1)
                index += 1
                continue
            }
            if quote < index { quote = Self.index(of: UInt8(ascii: "\""), in: bytes, from: index) }
            let escape = Self.index(of: UInt8(ascii: "\\"), in: bytes, from: index, to: quote)
            noteKey(bytes, index..<escape)
            guard escape == quote else {
                isEscaped = true
                noteKey(bytes, escape..<escape + 1)
                index = escape + 1
                continue
            }
            guard quote < bytes.count else { return quote }
            endString(at: offset + quote + 1, report)
            return quote + 1
        }
        return index
    }

    private mutating func noteKey(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        guard isInKey, key.count <= Self.maxKeyLength else { return }
        key.append(contentsOf: bytes[range].prefix(Self.maxKeyLength + 1 - key.count))
    }

    private mutating func endString(at end: Int, _ report: (Event) -> Void) {
        isInString = false
        if isInKey {
            isInKey = false
            watched = keys.firstIndex(of: key)
            state = .colon
        } else if depth == 1 {
            endValue(at: end, report)
        }
    }

    /// Scans a nested object or array for its end.
    private mutating func scanNested(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ report: (Event) -> Void
    ) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if awaitsContent, byte > 0x20 {
                contentFound(byte != UInt8(ascii: "]") && byte != UInt8(ascii: "}"), report)
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInString = true
                return index
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                guard depth == 1 else { continue }
                endValue(at: offset + index, report)
                return index
            default: break
            }
        }
        return index
    }

    private mutating func step(_ byte: UInt8, at position: Int, _ report: (Event) -> Void) {
        let isSpace = byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
        switch (state, byte) {
        case (.scalar, UInt8(ascii: ",")), (.scalar, UInt8(ascii: "}")):
            endValue(at: position, report)
            step(byte, at: position, report)
        case (.scalar, _): if isSpace { endValue(at: position, report) }
        case _ where isSpace: break
        case (.start, UInt8(ascii: "{")): (state, depth) = (.key, 1)
        // A byte order mark.
        case (.start, 0xEF) where position == 0, (.start, 0xBB) where position == 1, (.start, 0xBF) where position == 2:
            break
        case (.key, UInt8(ascii: "\"")):
            key.removeAll(keepingCapacity: true)
            (isInString, isInKey) = (true, true)
        case (.colon, UInt8(ascii: ":")): state = .value
        case (.value, _): beginValue(byte, at: position, report)
        case (.comma, UInt8(ascii: ",")): state = .key
        case (.comma, UInt8(ascii: "}")), (.key, UInt8(ascii: "}")): (state, depth) = (.end, 0)
        default: isMalformed = true
        }
    }

    private mutating func beginValue(_ byte: UInt8, at position: Int, _ report: (Event) -> Void) {
        if let watched {
            report(.valueBegan(key: watched, at: position))
            awaitsContent = true
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): (state, depth) = (.nested, 2)
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"): isMalformed = true
        default:
            state = .scalar
            if awaitsContent { contentFound(byte != UInt8(ascii: "n"), report) }
        }
    }

    private mutating func contentFound(_ hasContent: Bool, _ report: (Event) -> Void) {
        awaitsContent = false
        if hasContent, let watched { report(.valueHasContent(key: watched)) }
    }

    private mutating func endValue(at end: Int, _ report: (Event) -> Void) {
        state = .comma
        awaitsContent = false
        if let watched { report(.valueEnded(key: watched, at: end)) }
        watched = nil
    }

    /// The first index of a byte at or after `start`; `end` if there is none.
    private static func index(
        of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int? = nil
    ) -> Int {
        let end = end ?? bytes.count
        guard start < end, let base = bytes.baseAddress,
            let found = memchr(base + start, CInt(byte), end - start)
        else { return end }
        return UnsafeRawPointer(found) - base
    }
}
