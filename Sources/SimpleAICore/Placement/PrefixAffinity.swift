/// A fingerprint of the part of a conversation that never changes: its beginning.
///
/// Stable across restarts and machines, so that several gateways send a conversation to the same runner. It protects no
/// secret: a collision only sends two conversations to the same runner.
public struct PrefixFingerprint: Hashable, Sendable {
    public let value: UInt64

    /// - Parameter bytes: exactly as the caller sent them.
    public init(_ bytes: some Sequence<UInt8>) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var word: UInt64 = 0
        var filled: UInt64 = 0
        var count: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) << (filled * 8)
            filled += 1
            count += 1
            if filled == 8 {
                hash = Self.mixed(hash ^ word)
                (word, filled) = (0, 0)
            }
        }
        value = Self.mixed(Self.mixed(hash ^ word) ^ count)
    }

    /// A pseudo-random number for this conversation on a runner, uniformly distributed.
    /// - Parameter runner: the fingerprint of the runner's id.
    func draw(on runner: PrefixFingerprint) -> UInt64 { Self.mixed(value ^ Self.mixed(runner.value)) }

    /// The finalizer of splitmix64 (G. L. Steele, D. Lea, C. H. Flood: "Fast splittable pseudorandom number
    /// generators", OOPSLA 2014).
    private static func mixed(_ number: UInt64) -> UInt64 {
        var z = number &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Rendezvous hashing with bounded loads: every conversation has its own order of the runners, and is sent to the first
/// that has not many more calls than its proportion of all calls.
///
/// When a runner is added or removed, only the conversations that it wins or loses move (D. G. Thaler, C. V.
/// Ravishankar 1998); no runner gets more than 1.25 times its proportion (V. Mirrokni, M. Thorup, M. Zadimoghaddam
/// 2018).
public enum Rendezvous {
    /// Maximum number of calls on a runner, relative to its proportion of all calls by capacity.
    public static let maxProportion = 1.25

    /// Maximum number of calls on a runner, including the new one.
    /// - Parameters:
    ///   - total: calls on all runners, the new one included.
    ///   - capacity: the runner's.
    ///   - totalCapacity: of all runners.
    public static func maxCalls(total: Int, capacity: Int, totalCapacity: Int) -> Int {
        guard totalCapacity > 0 else { return 1 }
        let proportion = Double(total) * Double(capacity) / Double(totalCapacity)
        return max(1, Int((maxProportion * proportion).rounded(.up)))
    }

    /// The position of a runner in a conversation's order: the highest score comes first. Weighted: a runner with twice
    /// the capacity comes first for twice as many conversations.
    public static func score(_ conversation: PrefixFingerprint, on runner: PrefixFingerprint, capacity: Int) -> Double {
        // From 2^-53 to 1: the logarithm is finite and not positive.
        let draw = Double((conversation.draw(on: runner) >> 11) + 1) * 0x1p-53
        return Double(max(1, capacity)) / -draw.naturalLogarithm
    }
}

extension Double {
    /// The natural logarithm of a positive, finite number, computed from the exponent, and from the mantissa by `ln m =
    /// 2 artanh((m − 1)/(m + 1))` (Abramowitz & Stegun 4.1.27). The standard library has none, and this target has no
    /// other dependency.
    var naturalLogarithm: Double {
        let t = (significand - 1) / (significand + 1)
        var (power, sum) = (t, 0.0)
        for divisor in stride(from: 1.0, through: 31, by: 2) {
            sum += power / divisor
            power *= t * t
        }
        return 2 * sum + Double(exponent) * 0.693147180559945309417
    }
}
