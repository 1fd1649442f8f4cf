import SimpleAICore

/// Whether one agent is connected, and the grace period in which it may reconnect before its machine counts as asleep
/// or lost.
///
///     connected –disconnected→ grace period –timePassed→ disconnected
///         ↑________________________|______________________________|  connected, reported
struct AgentLiveness: Hashable, Sendable {
    private(set) var isConnected = false
    /// The end of the grace period.
    private(set) var graceExpiresAt: ContinuousClock.Instant?

    /// The agent was registered before the gateway restarted.
    mutating func restored(gracePeriod: Duration, now: ContinuousClock.Instant) {
        graceExpiresAt = now.advanced(by: gracePeriod)
    }

    /// The agent registered, or reported its status.
    mutating func connected() {
        isConnected = true
        graceExpiresAt = nil
    }

    /// - Parameter gracePeriod: nil if its machine already counts as asleep or lost.
    mutating func disconnected(gracePeriod: Duration?, now: ContinuousClock.Instant) {
        isConnected = false
        if let gracePeriod { graceExpiresAt = now.advanced(by: gracePeriod) }
    }

    mutating func removed() { graceExpiresAt = nil }

    /// - Returns: whether the grace period has ended.
    mutating func timePassed(now: ContinuousClock.Instant) -> Bool {
        guard let graceExpiresAt, graceExpiresAt <= now else { return false }
        self.graceExpiresAt = nil
        return true
    }
}
