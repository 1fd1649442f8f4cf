/// The outcome of a sleep command, derived from successive reads of the gateway's list of machines.
struct SleepOutcome {
    enum Verdict: Hashable {
        case undecided
        case asleep
        /// Lines for a terminal.
        case failed(String)
    }

    /// When a missing outcome is reported as a failure.
    let deadline: ContinuousClock.Instant
    let reasonTimeout: Duration
    private var awakeSince: ContinuousClock.Instant?

    init(deadline: ContinuousClock.Instant, reasonTimeout: Duration) {
        self.deadline = deadline
        self.reasonTimeout = reasonTimeout
    }

    mutating func look(at machine: FleetState.Machine, now: ContinuousClock.Instant) -> Verdict {
        if let problem = machine.sleepProblem { return .failed(Self.lines(problem)) }
        if machine.isFallingAsleep {
            return now < deadline ? .undecided : .failed("the outcome is unknown to the gateway; see `simpleai fleet`")
        }
        // A waking machine has slept, and a call needs it.
        if ["asleep", "waking", "wake_failed", "lost"].contains(machine.state) { return .asleep }
        let since = awakeSince ?? now
        awakeSince = since
        guard since.duration(to: now) >= reasonTimeout else { return .undecided }
        return .failed("it is awake, and no reason was reported; its state is \(FleetTable.state(of: machine))")
    }

    /// The text comes from the agent or a command, so control characters are removed.
    private static func lines(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { TextColumns.printable(String($0)) }.joined(separator: "\n  ")
    }
}
