/// What became of a command to sleep, by what the gateway's list of machines shows one look after another.
struct SleepOutcome {
    enum Verdict: Hashable {
        case undecided
        case asleep
        /// In lines for a terminal.
        case failed(String)
    }

    /// Without an outcome by then, the gateway is not to be relied on.
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
        // One that is being woken has slept: a call wanted it.
        if ["asleep", "waking", "wake_failed", "lost"].contains(machine.state) { return .asleep }
        let since = awakeSince ?? now
        awakeSince = since
        guard since.duration(to: now) >= reasonTimeout else { return .undecided }
        return .failed("its agent has reconnected without a reason; its state is \(FleetTable.state(of: machine))")
    }

    /// The agent and its command wrote them: nothing in them may move the cursor.
    private static func lines(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { TextColumns.printable(String($0)) }.joined(separator: "\n  ")
    }
}
