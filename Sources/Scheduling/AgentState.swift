import SimpleAICore

/// The state machines of a runner with an agent, in addition to those of every runner. Events that concern several of
/// them are distributed here.
struct AgentState: Hashable, Sendable {
    var liveness = AgentLiveness()
    var loads = LoadMachine()
    var check = EngineCheck()

    /// The earliest time at which `timePassed` has to act on this agent.
    var nextDeadline: ContinuousClock.Instant? {
        [
            liveness.graceExpiresAt, loads.current?.deadline, check.retryAt,
        ].compactMap { $0 }.min()
    }

    mutating func connected() {
        liveness.connected()
        loads.connectionChanged()
        check.connectionChanged()
    }

    /// - Parameter gracePeriod: nil if its machine already counts as asleep or lost.
    mutating func disconnected(gracePeriod: Duration?, now: ContinuousClock.Instant) {
        liveness.disconnected(gracePeriod: gracePeriod, now: now)
        loads.connectionChanged()
        check.connectionChanged()
    }

    mutating func removed() {
        liveness.removed()
        loads.connectionChanged()
        check.connectionChanged()
    }

    mutating func becameReady() { check.becameReady() }

    mutating func fellAsleep() { check.fellAsleep() }
}
