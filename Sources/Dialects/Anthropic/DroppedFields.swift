import SimpleAICore

/// The fields of a request that its translation does not carry, for one log line. Names come from callers: they are
/// bounded in number, length and characters.
struct DroppedFields {
    static let maxCount = 32
    static let maxLength = 96

    private(set) var paths: [String] = []
    private var seen: Set<ExactString> = []
    /// The members that were inserted, so that one that every block has costs a comparison only.
    private var members: [(parent: String, key: [UInt8])] = []

    /// Inserts a member of a value.
    /// - Parameters:
    ///   - key: the token.
    ///   - parent: the path of the value.
    mutating func insert(member key: ArraySlice<UInt8>, of parent: String) {
        guard paths.count < Self.maxCount else { return }
        let isKnown = members.contains { $0.key.elementsEqual(key) && $0.parent.isExactly(parent) }
        if isKnown { return }
        if members.count < Self.maxCount { members.append((parent, Array(key))) }
        insert("\(parent).\(JSONString.decode(key))")
    }

    mutating func insert(_ path: String) {
        guard paths.count < Self.maxCount else { return }
        let clean = String(
            decoding: path.utf8.prefix(Self.maxLength).map { Self.isAllowed($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
        if seen.insert(ExactString(clean)).inserted { paths.append(clean) }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }
}
