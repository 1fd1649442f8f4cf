import Synchronization

/// The report of a run as text: a line for each check when it ends, the evidence of each failure, and a summary.
///
/// On a terminal, skipped checks that only an option enables share one line, and long lines are wrapped.
/// Elsewhere, and with `--verbose`, every check has its own line.
///
/// Produces text only; the calling code knows its destination and whether that is a terminal.
public final class TerminalReport: Sendable {
    public struct Style: Sendable {
        /// Whether to use colours.
        public var isColoured: Bool
        /// Whether the last line is rewritten while a check runs.
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
        /// Whether the summary was written, after which an interrupted run writes nothing more.
        var isFinished = false
        var collapsed = CollapsedSkips()
    }

    public init(style: Style, write: @escaping @Sendable (String) -> Void) {
        self.style = style
        self.write = write
    }

    public func handle(_ event: SuiteEvent) {
        switch event {
        case .roundStarted(let round, let rounds, let seed):
            writeCollapsed()
            emit("\n" + paint("Run \(round) of \(rounds)", .bold) + paint("  seed \(seed)", .dim) + "\n")
        case .testStarted(let test, let checks):
            writeCollapsed()
            live.withLock { $0.idWidth = test.checks.map(\.id.count).max() ?? 20 }
            emit("\n\(paint(test.title, .bold))  \(paint("\(checks) checks", .dim))\n")
        case .checkStarted(let check):
            live.withLock { $0.check = check.description.id }
            show("")
        case .progress(let text):
            show(text)
        case .checkEnded(let result) where isCollapsed(result):
            live.withLock { $0.collapsed.append(result) }
        case .checkEnded(let result):
            emit(line(for: result))
            if result.verdict == .fail { emit(details(of: result)) }
        case .trace(let level, let text):
            guard level.rawValue <= style.verbosity else { return }
            emit(paint(text.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n"), .dim) + "\n")
        }
    }

    /// Writes the summary, which ends with the verdict.
    ///
    /// On a terminal it is at most 24 lines long.
    public func finish(_ report: SuiteReport) {
        writeCollapsed()
        let failed = report.results.filter { $0.verdict == .fail }
        let consequences = report.consequences
        let unresolved =
            failed + report.results.filter { $0.verdict == .inconclusive && !report.isConsequence($0) }
        var text = "\n"
        if report.results.count > 1, !unresolved.isEmpty {
            let lines =
                unresolved.map { explanation($0, report) }
                + consequences.map { summed(.inconclusive, $0.summary) }
            text += listed(lines, limit: 12) + "\n"
        }
        let flakyChecks = report.flakyChecks.map { id, verdicts in
            oneLine("  flaky  \(id): \(verdicts.map(\.rawValue).joined(separator: ", "))")
        }
        text += listed(flakyChecks, limit: 3)
        if let clock = report.clockSummary { text += paint(wrapped(clock, first: 0, margin: 0), .dim) + "\n" }
        if report.results.contains(where: { $0.verdict == .fail }) {
            text += paint("repeat with --seed \(report.seed)", .dim) + "\n"
        }
        // The reason why nothing could be tested is an error message, which the command writes to standard error.
        let verdict = report.aborted == nil ? report.verdictLine : "\(report.conclusion.rawValue): no check ran"
        emit(text + paint(verdict, colour(of: report.conclusion)) + "\n", isLast: true)
    }

    /// Erases the live line, and the `^C` that a terminal echoes.
    public func clear() { emit(style.isLive ? "\r\u{1B}[K" : "") }

    // MARK: Lines

    private func line(for result: CheckResult) -> String {
        // On a narrow terminal, long ids exceed their column, so that the column of text remains readable.
        let longest = live.withLock { $0.idWidth }
        let width = style.isLive ? min(longest, max(20, style.width - Self.reservedWidth)) : longest
        let id = result.id + String(repeating: " ", count: max(0, width - result.id.count))
        let tagCount = max(Self.tagWidth, result.verdict.rawValue.count)
        let seconds = result.duration >= .seconds(1) ? " (check took \(result.duration.readable))" : ""
        let summary = wrapped(
            "\(result.summary)\(note(result))\(seconds)", first: tagCount + id.count + 4,
            margin: Self.tagWidth + width + 4)
        var text = "\(tag(result.verdict))  \(id)  \(summary)\n"
        if style.verbosity > 0 {
            text += paint("      " + wrapped(result.requirement, first: 6, margin: 6), .dim) + "\n"
        }
        return text
    }

    /// One line of the summary: the requirement that was not met, and why.
    private func explanation(_ result: CheckResult, _ report: SuiteReport) -> String {
        let text = "\(result.id)\(note(result))\(report.runNote(result)): \(result.summary)"
        return summed(result.verdict, text)
    }

    private func summed(_ verdict: Verdict, _ text: String) -> String {
        let taken = 2 + max(Self.tagWidth, verdict.rawValue.count) + 2
        return "  \(tag(verdict))  \(style.isLive ? TextColumn.shortened(text, to: style.width - taken) : text)"
    }

    private func listed(_ lines: [String], limit: Int) -> String {
        let shown = style.isLive ? lines.prefix(limit) : lines[...]
        let rest = lines.count - shown.count
        return (shown + (rest > 0 ? ["  … and \(rest) more"] : [])).map { $0 + "\n" }.joined()
    }

    private func isCollapsed(_ result: CheckResult) -> Bool {
        style.isLive && style.verbosity == 0 && result.verdict == .skip
            && (result.missingOption != nil || result.sharesReason)
    }

    /// Writes the line of the collapsed checks at the end of their test.
    private func writeCollapsed() {
        let collapsed = live.withLock { live in
            defer { live.collapsed = CollapsedSkips() }
            return live.collapsed
        }
        if collapsed.results.count == 1 { return emit(line(for: collapsed.results[0])) }
        guard !collapsed.results.isEmpty else { return }
        let margin = Self.tagWidth + 2
        for line in collapsed.lines { emit("\(tag(.skip))  \(wrapped(line, first: margin, margin: margin))\n") }
    }

    /// Wraps text for a terminal; elsewhere lines are not wrapped.
    private func wrapped(_ text: String, first: Int, margin: Int) -> String {
        style.isLive ? TextColumn.wrapped(text, first: first, margin: margin, width: style.width) : text
    }

    private func oneLine(_ text: String) -> String {
        style.isLive ? TextColumn.shortened(text, to: style.width) : text
    }

    private func note(_ result: CheckResult) -> String {
        result.level == .advisory && (result.verdict == .fail || result.verdict == .inconclusive) ? " (advisory)" : ""
    }

    private func details(of result: CheckResult) -> String {
        var parts = [("required", result.requirement)]
        if let evidence = result.evidence {
            parts += [
                ("sent", evidence.sent), ("received", evidence.received), ("expected", evidence.expected),
                ("repeat", evidence.curl),
            ]
        }
        return parts.map { name, text in
            let label = name + String(repeating: " ", count: 9 - name.count)
            let margin = String(repeating: " ", count: Self.tagWidth + 2)
            let column = margin.count + label.count
            // Text that may be copied is not wrapped.
            let isProse = name == "required" || name == "expected"
            let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
                .map { isProse ? wrapped(String($0), first: column, margin: column) : String($0) }
            let separator = "\n" + String(repeating: " ", count: column)
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

    /// Wide enough for every verdict except INCONCLUSIVE, which is rare and may exceed the column.
    private static let tagWidth = 4
    /// Width of the terminal that is not available for ids: tag, gaps, and a readable column of text.
    private static let reservedWidth = 48

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

    /// Writes under the lock: progress from another thread must not appear after the text that erases it.
    private func emit(_ text: String, isLast: Bool = false) {
        live.withLock { live in
            guard !live.isFinished else { return }
            let output = (live.isShown ? "\r\u{1B}[K" : "") + text
            live.isShown = false
            live.isFinished = isLast
            if !output.isEmpty { write(output) }
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
