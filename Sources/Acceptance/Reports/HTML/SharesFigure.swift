/// The share of each runner as a bar with its interval, and the equal share as a reference line.
struct SharesFigure {
    let shares: RunnerShares

    init(_ shares: RunnerShares) { self.shares = shares }

    private static let left = 190.0
    private static let right = 670.0
    private static let rowHeight = 44.0

    var html: HTML {
        """
        <section id="shares">
        <h2>Calls by runner</h2>
        <p class="lead">\(sentence)</p>
        <div class="wide"><svg viewBox="0 0 880 \(bottom + 36)" role="img" aria-labelledby="shares-title shares-text">
        <title id="shares-title">Share of the calls by runner</title>
        <desc id="shares-text">\(accessibilityText)</desc>
        \(axis)\(shares.runners.enumerated().map { row($0.offset, $0.element) })\(equalLine)</svg></div>
        </section>

        """
    }

    private var sentence: String {
        let unseen = shares.unseen > 0 ? " \(shares.unseen) eligible runners served none." : ""
        return
            "\(shares.calls) calls, \(shares.ready) runners ready.\(unseen) Whiskers are simultaneous 95 % intervals: "
            + "the range of long-run shares consistent with this number of calls."
    }

    private var accessibilityText: String {
        shares.runners.map { "\($0.name): \($0.calls) calls, \($0.shareInWords), \($0.intervalInWords)" }
            .joined(separator: "; ")
    }

    // MARK: Geometry

    private var bottom: Double { 34 + Double(shares.runners.count) * Self.rowHeight }

    private var ticks: AxisTicks {
        let widest = shares.runners.map(\.interval.upperBound).max() ?? 1
        return AxisTicks(upTo: min(100, 100 * max(widest, shares.equalShare)), about: 5)
    }

    private func x(_ share: Double) -> Double {
        Self.left + (Self.right - Self.left) * min(1, share * 100 / ticks.end)
    }

    // MARK: Parts

    private var axis: HTML {
        let lines = ticks.values.map { value -> HTML in
            """
            <line class="grid" x1="\(x(value / 100))" y1="24" x2="\(x(value / 100))" y2="\(bottom)"/>\
            <text class="tick" x="\(x(value / 100))" y="\(bottom + 18)">\(ticks.label(value)) %</text>

            """
        }
        return HTML(lines)
    }

    private func row(_ index: Int, _ runner: RunnerShares.Runner) -> HTML {
        let y = 34 + (Double(index) + 0.5) * Self.rowHeight
        let (low, high) = (x(runner.interval.lowerBound), x(runner.interval.upperBound))
        return """
            <text class="name" x="\(Self.left - 14)" y="\(y + 4)">\(Self.shortened(runner.name))</text>\
            <rect class="bar" x="\(Self.left)" y="\(y - 11)" width="\(max(1, x(runner.share) - Self.left))" height="22"/>\
            <path class="whisker" d="M\(low) \(y - 6)v12M\(low) \(y)H\(high)M\(high) \(y - 6)v12"/>\
            <text class="value" x="\(Self.right + 14)" y="\(y + 4)">\(runner.calls) · \(runner.shareInWords) \
            (\(runner.intervalInWords))</text>

            """
    }

    private var equalLine: HTML {
        let at = x(shares.equalShare)
        return """
            <line class="equal" x1="\(at)" y1="24" x2="\(at)" y2="\(bottom)"/>\
            <text class="tick strong" x="\(at)" y="16">equal share \(RunnerShares.percent(shares.equalShare))</text>

            """
    }

    /// Names come from the deployment and may have any length; the description contains the full name.
    private static func shortened(_ name: String) -> String {
        name.count > 24 ? "\(name.prefix(11))…\(name.suffix(11))" : name
    }
}
