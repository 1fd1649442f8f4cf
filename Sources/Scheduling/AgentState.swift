import SimpleAICore

/// The state machines of a runner with an agent, in addition to those of every runner. Events that concern several of
/// them are distributed here.
struct AgentState: Hashable, Sendable {
    var liveness = AgentLiveness()
    var loads = LoadMachine()
    var sleep = SleepMachine()
    var check = EngineCheck()

    /// The earliest time at which `timePassed` has to act on this agent, apart from putting an idle machine to sleep.
    var nextDeadline: ContinuousClock.Instant? {
        [
            liveness.graceExpiresAt, loads.current?.deadline, check.retryAt,
            liveness.isConnected ? nil : sleep.pending?.settledAt,
        ].compactMap { $0 }.min()
    }

    mutating func connected() {
        liveness.connected()
        loads.connectionChanged()
        sleep.connected()
        check.connectionChanged()
    }

    /// - Parameter gracePeriod: nil if its machine already counts as asleep or lost.
    mutating func disconnected(gracePeriod: Duration?, now: ContinuousClock.Instant) {
        liveness.disconnected(gracePeriod: gracePeriod, now: now)
        loads.connectionChanged()
        sleep.disconnected()
        check.connectionChanged()
    }

    mutating func removed() {
        liveness.removed()
        loads.connectionChanged()
        sleep.connected()
        check.connectionChanged()
    }

    mutating func becameReady() {
        sleep.becameReady()
        check.becameReady()
    }

    mutating func fellAsleep() {
        sleep.fellAsleep()
        check.fellAsleep()
    }
}
