/// How long a machine takes from the first packet to its runner's first answer: an exponentially weighted mean for what
/// to expect, and the last few for what can happen.
public struct BootTime: Hashable, Sendable {
    /// Nil until the first wake was seen through.
    public private(set) var mean: Duration?
    /// The newest last; at most `remembered`.
    public private(set) var recent: [Duration]

    public static let remembered = 20

    public init(mean: Duration? = nil, recent: [Duration] = []) {
        self.mean = mean
        self.recent = Array(recent.suffix(Self.remembered))
    }

    /// The longest of the last wakes.
    public var worst: Duration? { recent.max() ?? mean }

    /// A quarter of the weight goes to the newest wake.
    mutating func learn(_ time: Duration) {
        mean = mean.map { $0 * 3 / 4 + time / 4 } ?? time
        recent = Array((recent + [time]).suffix(Self.remembered))
    }
}
