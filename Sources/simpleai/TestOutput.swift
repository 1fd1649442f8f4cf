import Acceptance
import Foundation

/// Output of a run: text on standard output, report files, and error messages on standard error.
struct TestOutput: Sendable {
    private let reports: [(format: ReportFormat, path: String)]
    private let terminal: TerminalReport
    private let annotations: GitHubAnnotations?

    init(verbosity: Int, reports: [(format: ReportFormat, path: String)], annotates: Bool) {
        self.reports = reports
        annotations = annotates ? GitHubAnnotations(nonce: UUID().uuidString) : nil
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        let wantsColour = environment["NO_COLOR"]?.isEmpty ?? true
        terminal = TerminalReport(
            style: .init(
                isColoured: isTerminal && wantsColour, isLive: isTerminal, width: Self.columns(), verbosity: verbosity)
        ) { Self.write($0, to: STDOUT_FILENO) }
    }

    func announce(_ deployment: DeploymentAddress, note: String?) {
        if let annotations { Self.write(annotations.stopCommand, to: STDOUT_FILENO) }
        Self.write("Testing \(deployment)\(note.map { " (\($0))" } ?? "")\n", to: STDOUT_FILENO)
    }

    func handle(_ event: SuiteEvent) { terminal.handle(event) }

    func warn(_ text: String) { Self.write("warning: \(text)\n", to: STDERR_FILENO) }

    func reportError(_ text: String) {
        writeLine(text)
        if let annotations { Self.write(annotations.errorAnnotation(text), to: STDOUT_FILENO) }
    }

    private func writeLine(_ text: String) {
        terminal.clear()
        Self.write("error: \(text)\n", to: STDERR_FILENO)
    }

    /// Writes the reports, then the summary with the verdict as its last line.
    ///
    /// The reports come first: a stopped terminal or a slow reader must not prevent them.
    ///
    /// - Parameter report: nil if the run was interrupted before any check.
    /// - Returns: false if a report could not be written.
    @discardableResult
    func finish(_ report: SuiteReport?) -> Bool {
        guard let report else {
            terminal.clear()
            Self.write("\(Conclusion.interrupted.rawValue): no check has run yet\n", to: STDOUT_FILENO)
            return true
        }
        var isComplete = true
        for (format, path) in reports {
            do {
                try ReportFile(path: path).write(format.render(report))
            } catch {
                reportError("the report \(path) cannot be written: \(OperatorText.of(error))")
                isComplete = false
            }
        }
        if let aborted = report.aborted { writeLine(aborted) } else { terminal.clear() }
        if let annotations { Self.write(annotations.text(for: report), to: STDOUT_FILENO) }
        terminal.finish(report)
        return isComplete
    }

    private static func columns() -> Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }

    /// Writes the text unbuffered, so that nothing is lost if the process exits immediately.
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = ArraySlice(text.utf8)
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // The reader has closed the pipe.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
