extension Duration {
    /// The duration in seconds, for calculation.
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }

    /// Seconds rounded to milliseconds, for machine-readable reports.
    var inRoundSeconds: Double { (inSeconds * 1000).rounded() / 1000 }

    /// The duration for readers: `0.004 s`, `2.1 s`, `75 s`.
    var readable: String {
        let value = inSeconds
        let digits = value >= 20 ? 0 : value >= 0.95 ? 1 : value >= 0.0995 ? 2 : 3
        return "\(value.fixed(digits)) s"
    }
}

extension Double {
    /// The number with exactly `digits` decimal places, independent of the locale.
    func fixed(_ digits: Int) -> String {
        guard isFinite else { return "\(self)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (magnitude * scale).rounded()
        guard scaled < 1e15 else { return "\(self)" }
        let whole = Int(scaled / scale)
        let sign = self < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = String(Int(scaled) - whole * Int(scale))
        return "\(sign)\(whole).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }

    /// The number for readers, with an exponent if it is very small or large: `0.0421`, `1.7e-7`.
    var scientific: String {
        guard self > 0, isFinite else { return "\(self)" }
        var exponent = 0
        var mantissa = self
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        return exponent > -3 && exponent < 4 ? fixed(4) : "\(mantissa.fixed(1))e\(exponent)"
    }
}
