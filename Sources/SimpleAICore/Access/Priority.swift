/// A caller's share of a saturated class: each level doubles the share of the level below. It orders waiting calls
/// only; while a slot is free it has no effect.
public struct Priority: Hashable, Comparable, Sendable {
    /// With more than sixteen times the share, other callers would be not slow but shut out.
    public static let levels = 0...4
    /// The default, unless a policy states another.
    public static let normal = Priority(level: 0)

    public let level: Int

    /// - Parameter level: clamped to `levels`.
    public init(level: Int) {
        self.level = min(max(level, Self.levels.lowerBound), Self.levels.upperBound)
    }

    public static func < (left: Priority, right: Priority) -> Bool { left.level < right.level }
}
