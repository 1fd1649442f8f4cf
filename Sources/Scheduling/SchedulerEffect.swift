public import SimpleAICore

/// What has to be done outside after an event; the machine itself does nothing but decide.
public enum SchedulerEffect: Hashable, Sendable {
    case grant(WaiterID, Lease)
    case reject(WaiterID, GatewayError)
    case sendPacket(RunnerID, wake: WakeID, number: Int)
    case stateChanged(RunnerID, from: RunnerState, to: RunnerState)
    case wakeStarted(RunnerID, WakeID)
    case wakeEnded(RunnerID, WakeID, after: Duration, succeeded: Bool)
    /// The runner failed so many calls in a row that it gets none for a while.
    case ejected(RunnerID, for: Duration)
    /// An ejected runner served a trial call: it is one like the others again.
    case readmitted(RunnerID)
    /// Call `timePassed` at this time; replaces every earlier wish.
    case startTimer(ContinuousClock.Instant)
}
