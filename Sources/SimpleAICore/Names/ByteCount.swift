/// An amount of memory or of transferred bytes.
public struct ByteCount: Hashable, Sendable, Comparable, CustomStringConvertible {
    public var bytes: Int

    public init(bytes: Int) { self.bytes = bytes }

    public static func kibibytes(_ count: Int) -> Self { Self(bytes: count << 10) }
    public static func mebibytes(_ count: Int) -> Self { Self(bytes: count << 20) }

    public static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }

    /// The shortest exact form that settings can read: `32MiB`, `1500B`.
    public var description: String {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where bytes >= 1 << shift {
            if bytes & ((1 << shift) - 1) == 0 { return "\(bytes >> shift)\(unit)" }
        }
        return "\(bytes)B"
    }
}
