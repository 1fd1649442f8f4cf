extension Statistics {
    /// The confidence interval of a share: with probability `confidence`, all of `simultaneous` shares lie in theirs.
    ///
    /// Wilson's score interval (E. B. Wilson 1927); for several shares at once with Bonferroni's correction, which makes
    /// it Goodman's simultaneous interval for multinomial proportions (L. A. Goodman 1965, Technometrics 7, 247–254).
    static func shareInterval(
        count: Int, of total: Int, confidence: Double = 0.95, simultaneous: Int = 1
    ) -> ClosedRange<Double> {
        guard total > 0 else { return 0...1 }
        let z = normalQuantile(1 - (1 - confidence) / (2 * Double(max(1, simultaneous))))
        let n = Double(total)
        let share = Double(count) / n
        let centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return max(0, centre - half)...min(1, centre + half)
    }
}
