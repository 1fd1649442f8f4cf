/// A caller's share of a saturated class: each level doubles the share of the level below. It only orders waiting calls
/// and has no effect while a slot is free.
public struct Priority: Hashable, Comparable, Sendable {
    /// The highest level has sixteen times the share of the lowest; a larger factor would starve other callers.
    public static let levels = 0...4
    /// The default.
    public static let normal = Priority(level: 0)

    public let level: Int

    /// - Parameter level: clamped to `levels`.
    public init(level: Int) {
        self.level = min(max(level, Self.levels.lowerBound), Self.levels.upperBound)
    }

    public static func < (left: Priority, right: Priority) -> Bool { left.level < right.level }
}
