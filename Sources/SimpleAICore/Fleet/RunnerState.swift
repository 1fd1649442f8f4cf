/// What the gateway believes about a runner and its machine.
public enum RunnerState: String, Hashable, Sendable, CaseIterable {
    /// Not heard of yet, or doubted since a connection failed; the next probe decides.
    case unknown
    /// Answers its probe: calls may go there.
    case ready
    /// Back from sleep; a small call decides whether its engine works.
    case checking
    /// Its engine states that it is not ready yet; calls wait for it.
    case loading
    /// Gone, and we know how to wake it.
    case asleep
    /// Packets are out; waiting for it.
    case waking
    /// A wake ran into its deadline; tried again on the next call after a back-off.
    case wakeFailed = "wake_failed"
    /// The host answers, its engine does not.
    case down
    /// Gone, and there is no way to wake it.
    case lost
}
