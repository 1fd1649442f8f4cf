/// Round values along an axis that begins at 0: steps of 1, 2 or 5 times a power of ten.
struct AxisTicks: Sendable, Hashable {
    let step: Double
    let values: [Double]
    private let digits: Int

    /// - Parameter limit: above 0; the last tick is at least this value.
    init(upTo limit: Double, about count: Int) {
        let rough = limit / Double(max(1, count))
        var power = 1.0
        var digits = 0
        while power > rough { (power, digits) = (power / 10, digits + 1) }
        while power * 10 <= rough { power *= 10 }
        let factor = [1.0, 2, 5, 10].first { $0 * power >= rough } ?? 10
        step = factor * power
        self.digits = factor == 10 ? max(0, digits - 1) : digits
        let steps = Int((limit / step).rounded(.up))
        let step = step
        values = (0...max(1, steps)).map { Double($0) * step }
    }

    var end: Double { values.last ?? step }

    func label(_ value: Double) -> String { value.fixed(digits) }
}
