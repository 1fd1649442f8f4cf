/// How large a caller's share of a saturated class is: each level is worth twice the turns of the one below. It orders
/// waiting calls only; where a slot is free nobody's priority matters.
public struct Priority: Hashable, Comparable, Sendable {
    /// Beyond sixteen times the turns, the others would not be slow but shut out.
    public static let levels = 0...4
    /// Every caller's, unless a policy says otherwise.
    public static let normal = Priority(level: 0)

    public let level: Int

    /// - Parameter level: the nearest of `levels` is taken.
    public init(level: Int) {
        self.level = min(max(level, Self.levels.lowerBound), Self.levels.upperBound)
    }

    public static func < (left: Priority, right: Priority) -> Bool { left.level < right.level }
}
