/// The state of a runner and its machine, as far as the gateway knows.
public enum RunnerState: String, Hashable, Sendable, CaseIterable {
    /// No evidence yet, or evidence that does not decide: the agent's connection or a call's connection failed, another server
    /// responded to a call, or an unreachable machine responded again. The next probe decides.
    case unknown
    /// Responds to its probe: takes calls.
    case ready
    /// Back from sleep; one small request decides whether its engine works.
    case checking
    /// The engine responds that it is not ready yet; calls wait for it.
    case loading
    /// No connection, and the gateway can wake the machine.
    case asleep
    /// A wake is in progress.
    case waking
    /// The last wake timed out; the next attempt waits for the backoff.
    case wakeFailed = "wake_failed"
    /// The machine responds, its engine does not.
    case down
    /// No connection, and no way to wake the machine.
    case lost
}
