import SimpleAICore

/// The value of a member of a document that arrives in pieces, collected because its bytes are needed.
struct MemberValue {
    /// In bytes. Longer values are not collected.
    static let maxLength = 16 << 10

    let key: Int
    /// Its offset in the document.
    let start: Int
    private var bytes: [UInt8] = []

    init(key: Int, start: Int) {
        self.key = key
        self.start = start
    }

    /// Appends received bytes, up to `end`.
    /// - Parameters:
    ///   - received: the latest bytes of the document.
    ///   - start: their offset in the document.
    ///   - end: an offset in the document.
    /// - Returns: false if the value is too long.
    mutating func append(_ received: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Bool {
        let first = self.start + bytes.count - start
        guard first >= 0, first < end - start else { return true }
        guard bytes.count + (end - start - first) <= Self.maxLength else { return false }
        bytes.append(contentsOf: received[first..<end - start])
        return true
    }

    /// Nil if the bytes are not JSON.
    var json: JSONSlice? { JSONSlice(document: bytes[...], grammar: .lenient) }
}
