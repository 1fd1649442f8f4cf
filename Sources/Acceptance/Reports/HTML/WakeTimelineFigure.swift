/// The timeline of a wake as a drawing: states in the model list and events, by seconds since the calls were sent.
struct WakeTimelineFigure {
    let wake: WakeTimeline

    init(_ wake: WakeTimeline) { self.wake = wake }

    private static let left = 190.0
    private static let right = 800.0
    private static let rowHeight = 34.0

    var html: HTML {
        """
        <section id="wake">
        <h2>The wake</h2>
        <p class="lead">\(sentence)</p>
        <div class="wide"><svg viewBox="0 0 880 \(height)" role="img" aria-labelledby="wake-title wake-text">
        <title id="wake-title">Timeline of the wake of \(wake.target)</title>
        <desc id="wake-text">\(accessibilityText)</desc>
        \(axis)\(stateBand)\(wake.marks.enumerated().map { row($0.offset, $0.element) })</svg></div>
        \(legend)</section>

        """
    }

    private var sentence: String {
        let calls = "\(wake.calls) calls for \(wake.target) waited, \(wake.answered) got a complete response."
        guard let time = wake.wake else { return "\(calls) No machine woke up." }
        let load = wake.load.map { ", loading the model took \($0.readable)" } ?? ""
        return "\(calls) The machine was up after \(time.readable) (± \(wake.resolution.readable))\(load)."
    }

    private var accessibilityText: String {
        (wake.states.map { "\($0.state) from \($0.from.readable) to \($0.to.readable)" }
            + wake.marks.map { "\($0.event.title) after \($0.after.readable)" }).joined(separator: "; ")
    }

    // MARK: Geometry

    private var bottom: Double { 62 + Double(wake.marks.count) * Self.rowHeight }
    private var height: Double { bottom + 34 }
    private var ticks: AxisTicks { AxisTicks(upTo: max(wake.end.inSeconds, 0.001), about: 6) }

    private func x(_ after: Duration) -> Double { x(after.inSeconds) }
    private func x(_ seconds: Double) -> Double {
        Self.left + (Self.right - Self.left) * min(1, seconds / ticks.end)
    }

    // MARK: Parts

    private var axis: HTML {
        let lines = ticks.values.map { value -> HTML in
            """
            <line class="grid" x1="\(x(value))" y1="14" x2="\(x(value))" y2="\(bottom)"/>\
            <text class="tick" x="\(x(value))" y="\(bottom + 18)">\(ticks.label(value)) s</text>

            """
        }
        return HTML(lines)
    }

    private var stateBand: HTML {
        let spans = wake.states.filter { $0.to > $0.from }.map { span -> HTML in
            let width = max(1, x(span.to) - x(span.from))
            let hasRoomForLabel = width > Double(span.state.count) * 8 + 12
            let label: HTML =
                hasRoomForLabel
                ? "<text class=\"inside\" x=\"\(x(span.from) + width / 2)\" y=\"36\">\(span.state)</text>" : ""
            return """
                <rect class="state \(Self.style(span.state))" x="\(x(span.from))" y="20" width="\(width)" height="24"/>\
                \(label)

                """
        }
        return "<text class=\"name\" x=\"\(Self.left - 14)\" y=\"36\">model list</text>\n\(spans)"
    }

    private func row(_ index: Int, _ mark: WakeTimeline.Mark) -> HTML {
        let y = 62 + (Double(index) + 0.5) * Self.rowHeight
        let at = x(mark.after)
        return """
            <text class="name" x="\(Self.left - 14)" y="\(y + 4)">\(mark.event.title)</text>\
            <line class="lead" x1="\(Self.left)" y1="\(y)" x2="\(at)" y2="\(y)"/>\
            <circle class="mark" cx="\(at)" cy="\(y)" r="5.5"/>\
            <text class="value" x="\(at + 12)" y="\(y + 4)">\(mark.after.readable)</text>

            """
    }

    private var legend: HTML {
        var seen: [String] = []
        for span in wake.states where span.to > span.from && !seen.contains(span.state) { seen.append(span.state) }
        let items = seen.map { "<li><i class=\"state \(Self.style($0))\"></i>\($0)</li>" as HTML }
        return "<ul class=\"legend\">\(items)</ul>\n"
    }

    private static func style(_ state: String) -> HTML {
        switch TargetState(rawValue: state) {
        case .ready, .loadable: "up"
        case .waking: "waking"
        case .asleep, .absent: "asleep"
        case .down, nil: "unknown"
        }
    }
}
