/// A set of header field names, compared case-insensitively (RFC 9110 §5.1) and without creating a string: every field of
/// every request is looked up in one.
struct FieldNames: Sendable {
    static let none = FieldNames([])

    /// The names by length in bytes, in lower case.
    private let byLength: [[[UInt8]]]
    /// One bit for each length of a name in the set, the last one for all longer names. Sets are small, so this excludes most
    /// fields.
    private let lengths: UInt64

    init(_ names: [String]) {
        var byLength: [[[UInt8]]] = []
        for name in names {
            let bytes = name.utf8.map(Self.lowercased)
            while byLength.count <= bytes.count { byLength.append([]) }
            byLength[bytes.count].append(bytes)
        }
        self.byLength = byLength
        lengths = byLength.indices.reduce(0) { byLength[$1].isEmpty ? $0 : $0 | Self.bit($1) }
    }

    func contains(_ name: String) -> Bool {
        let length = name.utf8.count
        guard lengths & Self.bit(length) != 0, length < byLength.count else { return false }
        return byLength[length].contains { Self.isSame(name, $0) }
    }

    /// - Parameter lowercase: a name in lower case, of the same length.
    private static func isSame(_ name: String, _ lowercase: [UInt8]) -> Bool {
        var index = 0
        for byte in name.utf8 {
            guard lowercased(byte) == lowercase[index] else { return false }
            index += 1
        }
        return true
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    private static func bit(_ length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }
}
