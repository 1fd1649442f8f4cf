import SimpleAICore

/// Why this machine did not fall asleep, for the operator.
enum SleepProblem: Hashable, Sendable, CustomStringConvertible {
    case notStarted(String)
    /// `code` is the exit code, or the negative number of a signal.
    case failed(command: String, code: Int32, output: String)
    case timedOut(command: String, Duration, output: String)
    /// The command succeeded, but the machine is still awake.
    case stayedAwake(Duration)
    /// A simulated machine refused to sleep.
    case refused

    /// Number of lines that are reported from the end of a command's output.
    private static let maxLines = 8
    /// Maximum length of each line, in characters; all lines fit into an `OperatorReason`.
    private static let maxLineLength = 100

    var description: String {
        let text =
            switch self {
            case .notStarted(let reason): reason
            case .failed(let command, let code, let output) where code < 0:
                "the sleep command \(command) was terminated by signal \(-code)\(Self.quote(output))"
            case .failed(let command, let code, let output):
                "the sleep command \(command) exited with code \(code)\(Self.quote(output))"
            case .timedOut(let command, let time, let output):
                "the sleep command \(command) was stopped after \(time.components.seconds) s"
                    + Self.quote(output)
            case .stayedAwake(let time):
                "the sleep command succeeded, but the machine was still awake \(time.components.seconds) s later"
            case .refused: "the machine refused to sleep"
            }
        return OperatorReason(text).description
    }

    private static func quote(_ output: String) -> String {
        let lines = (EngineText.clean(output) ?? "").split(whereSeparator: \.isNewline).suffix(maxLines)
        guard !lines.isEmpty else { return ", without any output" }
        let shown = lines.map { $0.count > maxLineLength ? "\($0.prefix(maxLineLength))…" : String($0) }
        return "; its last output:\n\(shown.joined(separator: "\n"))"
    }
}

/// Detects whether the machine was suspended since this value was created.
struct AwakeClocks: Sendable {
    private let start = (ContinuousClock.now, SuspendingClock.now)

    var wasSuspended: Bool {
        ResumeWatch.wasSuspended(passed: ContinuousClock.now - start.0, awake: SuspendingClock.now - start.1)
    }
}
