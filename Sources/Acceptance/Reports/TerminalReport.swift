import Synchronization

/// A run as people read it: a line per check as it ends, failures with everything needed to repeat them, and a summary.
///
/// Pure text out: where it goes, and whether that is a terminal, is the caller's to know.
public final class TerminalReport: Sendable {
    public struct Style: Sendable {
        /// Colours.
        public var isColoured: Bool
        /// A last line that is rewritten while something goes on.
        public var isLive: Bool
        public var width: Int
        /// 0, 1 (`--verbose`) or 2 (`--debug`).
        public var verbosity: Int

        public init(isColoured: Bool, isLive: Bool, width: Int, verbosity: Int) {
            self.isColoured = isColoured
            self.isLive = isLive
            self.width = max(40, width)
            self.verbosity = verbosity
        }
    }

    private let style: Style
    private let write: @Sendable (String) -> Void
    private let live = Mutex(Live())

    private struct Live {
        var idWidth = 20
        var check = ""
        var isShown = false
        /// After the summary nothing may follow, whatever an interrupted run still has to say.
        var isFinished = false
    }

    public init(style: Style, write: @escaping @Sendable (String) -> Void) {
        self.style = style
        self.write = write
    }

    public func handle(_ event: SuiteEvent) {
        switch event {
        case .roundStarted(let round, let rounds, let seed):
            emit("\n" + paint("Run \(round) of \(rounds)", .bold) + paint("  seed \(seed)", .dim) + "\n")
        case .testStarted(let test, let checks):
            live.withLock { $0.idWidth = test.checks.map(\.id.count).max() ?? 20 }
            emit("\n\(paint(test.title, .bold))  \(paint("\(checks) checks", .dim))\n")
        case .checkStarted(let check):
            live.withLock { $0.check = check.description.id }
            show("")
        case .progress(let text):
            show(text)
        case .checkEnded(let result):
            emit(line(for: result))
            if result.verdict == .fail { emit(details(of: result)) }
        case .trace(let level, let text):
            guard level.rawValue <= style.verbosity else { return }
            emit(paint(text.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n"), .dim) + "\n")
        }
    }

    /// The summary, which ends with the verdict.
    public func finish(_ report: SuiteReport) {
        let undone = report.results.filter { $0.verdict == .fail || $0.verdict == .inconclusive }
        var text = "\n"
        if report.results.count > 12, !undone.isEmpty {
            text += undone.prefix(15).map { "  \(tag($0.verdict))  \($0.id)\(note($0))\(report.runNote($0))\n" }
                .joined()
            if undone.count > 15 { text += "  … and \(undone.count - 15) more\n" }
            text += "\n"
        }
        for (id, verdicts) in report.unsteady {
            text += "  unsteady  \(id): \(verdicts.map(\.rawValue).joined(separator: ", "))\n"
        }
        if let clock = report.clockSummary { text += paint(clock, .dim) + "\n" }
        if report.results.contains(where: { $0.verdict == .fail }) {
            text += paint("repeat with --seed \(report.seed)", .dim) + "\n"
        }
        // Why nothing could be tested is a complaint, which the caller makes where complaints belong.
        let verdict = report.aborted == nil ? report.verdictLine : "\(report.conclusion.rawValue): nothing was tested"
        emit(text + paint(verdict, colour(of: report.conclusion)) + "\n", isLast: true)
    }

    /// Takes the live line away, and the `^C` that a terminal shows for the keys.
    public func clear() { emit(style.isLive ? "\r\u{1B}[K" : "") }

    // MARK: Lines

    private func line(for result: CheckResult) -> String {
        let width = live.withLock { $0.idWidth }
        let id = result.id + String(repeating: " ", count: max(0, width - result.id.count))
        let seconds = result.duration >= .seconds(1) ? "  \(result.duration.readable)" : ""
        var text = "\(tag(result.verdict))  \(id)  \(result.summary)\(note(result))\(paint(seconds, .dim))\n"
        if style.verbosity > 0 { text += paint("      \(result.requirement)", .dim) + "\n" }
        return text
    }

    private func note(_ result: CheckResult) -> String {
        result.level == .advisory && (result.verdict == .fail || result.verdict == .inconclusive) ? " (advisory)" : ""
    }

    private func details(of result: CheckResult) -> String {
        var parts = [("contract", result.requirement)]
        if let evidence = result.evidence {
            parts += [
                ("sent", evidence.sent), ("received", evidence.received), ("expected", evidence.expected),
                ("repeat", evidence.curl),
            ]
        }
        return parts.map { name, text in
            let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
            let label = name + String(repeating: " ", count: 9 - name.count)
            let margin = String(repeating: " ", count: Self.tagWidth + 2)
            let separator = "\n\(margin)\(String(repeating: " ", count: label.count))"
            return "\(margin)\(paint(label, .dim))\(lines.joined(separator: separator))\n"
        }.joined()
    }

    private func tag(_ verdict: Verdict) -> String {
        let padding = String(repeating: " ", count: max(0, Self.tagWidth - verdict.rawValue.count))
        let colour: Paint =
            switch verdict {
            case .pass: .green
            case .fail: .red
            case .skip: .dim
            case .inconclusive: .yellow
            }
        return paint(verdict.rawValue, colour) + padding
    }

    /// Wide enough for every verdict but INCONCLUSIVE, which is rare and may stand out.
    private static let tagWidth = 4

    // MARK: Output

    private enum Paint: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    private func colour(of conclusion: Conclusion) -> Paint {
        switch conclusion {
        case .passed: .green
        case .failed: .red
        case .notDecided, .interrupted: .yellow
        }
    }

    private func paint(_ text: String, _ paint: Paint) -> String {
        style.isColoured && !text.isEmpty ? "\u{1B}[\(paint.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Writes under the lock: a line that another thread shows must not slip behind the text that takes it away.
    private func emit(_ text: String, isLast: Bool = false) {
        live.withLock { live in
            guard !live.isFinished else { return }
            let whole = (live.isShown ? "\r\u{1B}[K" : "") + text
            live.isShown = false
            live.isFinished = isLast
            if !whole.isEmpty { write(whole) }
        }
    }

    private func show(_ progress: String) {
        guard style.isLive else { return }
        let dots = String(repeating: "·", count: Self.tagWidth)
        live.withLock { live in
            guard !live.isFinished else { return }
            live.isShown = true
            let text = progress.isEmpty ? "\(dots)  \(live.check)" : "\(dots)  \(live.check)  \(progress)"
            write("\r\u{1B}[K" + paint(String(text.prefix(style.width - 1)), .dim))
        }
    }
}
