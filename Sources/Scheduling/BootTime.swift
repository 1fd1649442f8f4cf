/// Time that a machine takes from the first packet to its runner's first response: an exponentially weighted mean as
/// the expected value, and the latest samples for the worst case.
public struct BootTime: Hashable, Sendable {
    /// Nil until the first wake has succeeded.
    public private(set) var mean: Duration?
    /// Latest samples, newest last; at most `remembered`.
    public private(set) var recent: [Duration]

    public static let remembered = 20

    public init(mean: Duration? = nil, recent: [Duration] = []) {
        self.mean = mean
        self.recent = Array(recent.suffix(Self.remembered))
    }

    /// The longest of the remembered samples.
    public var worst: Duration? { recent.max() ?? mean }

    /// Adds the duration of a wake; its weight in the mean is a quarter.
    mutating func learn(_ time: Duration) {
        mean = mean.map { $0 * 3 / 4 + time / 4 } ?? time
        recent = Array((recent + [time]).suffix(Self.remembered))
    }
}
