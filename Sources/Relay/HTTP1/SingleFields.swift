import SimpleAICore

/// Detects repeated header fields that must occur only once: of two values, one reader takes the first and another the last,
/// so the checked value might not be the effective one.
///
/// Host, Content-Length and Transfer-Encoding are checked with the framing. List fields (Content-Encoding, X-Forwarded-For)
/// may be repeated, and are read as one list.
public struct SingleFields: Hashable, Sendable {
    private static let names: [StaticString] = [
        "authorization", "x-api-key", "api-key", "content-type", "expect", "origin",
        "x-request-id", "x-simpleai-explain", "access-control-request-method", "sec-websocket-key",
        "sec-websocket-version",
    ]
    /// One bit for each length that occurs; no name here has more than 63 bytes.
    private static let lengths = names.reduce(into: UInt64(0)) { $0 |= 1 << UInt64($1.utf8CodeUnitCount) }

    /// One bit for each of these fields that has been seen.
    private var seen: UInt16 = 0

    public init() {}

    /// - Returns: the field's name if it has been seen before.
    public mutating func repeated(_ name: some Collection<UInt8>) -> String? { note(name) }

    /// The same for a line of a head. With a type of its own, the comparison is specialized: a generic one takes 5 µs of a
    /// request.
    public mutating func repeated(_ name: Slice<UnsafeRawBufferPointer>) -> String? { note(name) }

    private mutating func note(_ name: some Collection<UInt8>) -> String? {
        let length = name.count
        guard length < 64, Self.lengths & 1 << UInt64(length) != 0 else { return nil }
        for (index, candidate) in Self.names.enumerated()
        where candidate.utf8CodeUnitCount == length && Byte.equalIgnoringCase(name, candidate) {
            let bit: UInt16 = 1 << UInt16(index)
            if seen & bit != 0 { return "\(candidate)" }
            seen |= bit
            return nil
        }
        return nil
    }
}
