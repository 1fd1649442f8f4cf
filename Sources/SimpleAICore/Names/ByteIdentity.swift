// Identity by bytes. `==`, `<` and `hash(into:)` of Swift's strings use canonical equivalence, which is too coarse for
// issuers, roles and model ids, and which normalizes every string that is not ASCII.
extension String {
    /// Whether both have the same UTF-8 bytes.
    public func isExactly(_ other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let result = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in Self.isSame(left, right) }
        }
        guard let result, let result else { return utf8.elementsEqual(other.utf8) }
        return result
    }

    /// Whether it precedes `other` in the lexicographic order of UTF-8 bytes, which equals the order of code points.
    public func precedesByBytes(_ other: String) -> Bool {
        let result = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in left.lexicographicallyPrecedes(right) }
        }
        guard let result, let result else { return utf8.lexicographicallyPrecedes(other.utf8) }
        return result
    }

    func hashBytes(into hasher: inout Hasher) {
        let isContiguous: Void? = utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isContiguous == nil { for byte in utf8 { hasher.combine(byte) } }
        // 0xFF never occurs in UTF-8: it separates two strings that are hashed one after the other.
        hasher.combine(0xFF as UInt8)
    }

    /// - Precondition: both have the same length.
    static func isSame(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        if left.baseAddress == right.baseAddress { return true }
        let (left, right) = (UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
        var index = 0
        while index + 8 <= left.count {
            let word = left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard word == right.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
            index += 8
        }
        while index < left.count {
            guard left[index] == right[index] else { return false }
            index += 1
        }
        return true
    }
}

extension Sequence<String> {
    /// Sorted by UTF-8 bytes, which also orders strings that Swift considers equal.
    public func sortedByBytes() -> [String] { sorted { $0.precedesByBytes($1) } }
}
