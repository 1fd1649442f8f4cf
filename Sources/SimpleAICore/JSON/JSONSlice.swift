/// A value in a validated JSON document, with access to the values inside it. Text is decoded only when it is read;
/// `bytes` keeps the document's indices, so that a value can be replaced in place.
public struct JSONSlice: Sendable {
    public let bytes: ArraySlice<UInt8>

    /// Nil if `document` is not valid JSON.
    public init?(document: ArraySlice<UInt8>, maxDepth: Int = 512, grammar: JSONGrammar = .strict) {
        var scanner = JSONScanner(watching: [], maxDepth: maxDepth, grammar: grammar)
        do throws(JSONError) {
            try scanner.scan(document)
            try scanner.finish()
        } catch {
            return nil
        }
        let hasMark = grammar == .lenient && document.starts(with: JSONGrammar.byteOrderMark)
        let start = Self.skipWhitespace(document, from: document.startIndex + (hasMark ? 3 : 0))
        bytes = document[start..<Self.endOfValue(document, from: start)]
    }

    /// A value in a document that is already validated; it is not checked again.
    public init(checked bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The value of an object's member; the last one if a key occurs twice. Nil for anything but an object.
    public subscript(key: String) -> JSONSlice? {
        guard bytes.first == UInt8(ascii: "{") else { return nil }
        var found: JSONSlice?
        walk { name, value in
            if let name, Self.isKey(name, key) { found = JSONSlice(checked: value) }
        }
        return found
    }

    /// Calls `visit` with the key token and the value of every member; does nothing unless this is an object.
    public func forEachMember(_ visit: (_ key: ArraySlice<UInt8>, _ value: JSONSlice) -> Void) {
        guard isObject else { return }
        walk { name, value in
            if let name { visit(name, JSONSlice(checked: value)) }
        }
    }

    /// Whether a key token spells `text`, with or without escapes.
    public static func isKey(_ token: ArraySlice<UInt8>, _ text: String) -> Bool {
        if token.count == text.utf8.count + 2, token.dropFirst().dropLast().elementsEqual(text.utf8) { return true }
        return token.contains(UInt8(ascii: "\\")) && JSONString.decode(token).utf8.elementsEqual(text.utf8)
    }

    /// The names of an object's members, in order; empty for anything else.
    public var memberNames: [String] {
        guard isObject else { return [] }
        var names: [String] = []
        walk { name, _ in if let name { names.append(JSONString.decode(name)) } }
        return names
    }

    /// An array's elements; empty for anything else.
    public var elements: [JSONSlice] {
        guard bytes.first == UInt8(ascii: "[") else { return [] }
        var elements: [JSONSlice] = []
        walk { _, value in elements.append(JSONSlice(checked: value)) }
        return elements
    }

    public var string: String? {
        bytes.first == UInt8(ascii: "\"") ? JSONString.decode(bytes) : nil
    }

    public var integer: Int? { Int(String(decoding: bytes, as: UTF8.self)) }

    /// Whether it has no content: `null`, or an empty string, list or object.
    public var isEmpty: Bool {
        switch bytes.first {
        case UInt8(ascii: "\""), UInt8(ascii: "["), UInt8(ascii: "{"): bytes.count == 2
        default: isNull
        }
    }

    public var isNull: Bool { bytes.first == UInt8(ascii: "n") }
    public var isArray: Bool { bytes.first == UInt8(ascii: "[") }
    public var isObject: Bool { bytes.first == UInt8(ascii: "{") }

    /// Calls `visit` with every member's key token and value, or with every element.
    private func walk(_ visit: (ArraySlice<UInt8>?, ArraySlice<UInt8>) -> Void) {
        let isObject = bytes.first == UInt8(ascii: "{")
        var index = bytes.startIndex + 1
        while true {
            index = Self.skipWhitespace(bytes, from: index)
            guard index < bytes.endIndex, bytes[index] != UInt8(ascii: "}"), bytes[index] != UInt8(ascii: "]") else {
                return
            }
            if bytes[index] == UInt8(ascii: ",") {
                index += 1
                continue
            }
            var key: ArraySlice<UInt8>?
            if isObject {
                let end = Self.endOfValue(bytes, from: index)
                key = bytes[index..<end]
                index = Self.skipWhitespace(bytes, from: end) + 1  // the colon
                index = Self.skipWhitespace(bytes, from: index)
            }
            let end = Self.endOfValue(bytes, from: index)
            visit(key, bytes[index..<end])
            index = end
        }
    }

    private static func skipWhitespace(_ bytes: ArraySlice<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.endIndex, bytes[index] <= 0x20 { index += 1 }
        return index
    }

    /// The end of the value that begins at `start`, in a document that is known to be valid.
    private static func endOfValue(_ bytes: ArraySlice<UInt8>, from start: Int) -> Int {
        var index = start
        var depth = 0
        while index < bytes.endIndex {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index = endOfString(bytes, from: index)
                if depth == 0 { return min(index, bytes.endIndex) }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return index }
                depth -= 1
                index += 1
                if depth == 0 { return index }
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x0A, 0x0D, 0x09:
                if depth == 0 { return index }
                index += 1
            default: index += 1
            }
        }
        return min(index, bytes.endIndex)
    }

    /// The index after the string that begins at `start`. Most of a prompt or an image is skipped eight bytes at a time.
    private static func endOfString(_ bytes: ArraySlice<UInt8>, from start: Int) -> Int {
        bytes.withUnsafeBytes { buffer in
            var index = start + 1 - bytes.startIndex
            while index < buffer.count {
                while index + 8 <= buffer.count {
                    let word = buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    let hasQuote = Byte.hasZero(word ^ (Byte.ones &* UInt64(UInt8(ascii: "\""))))
                    if hasQuote || Byte.hasZero(word ^ (Byte.ones &* UInt64(UInt8(ascii: "\\")))) { break }
                    index += 8
                }
                guard index < buffer.count, buffer[index] != UInt8(ascii: "\"") else { break }
                index += buffer[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            return index + 1 + bytes.startIndex
        }
    }
}
