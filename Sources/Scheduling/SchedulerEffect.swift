public import SimpleAICore

/// What has to be done outside after an event; the machine itself does nothing but decide.
public enum SchedulerEffect: Hashable, Sendable {
    case grant(WaiterID, Lease)
    case reject(WaiterID, GatewayError)
    case sendPacket(RunnerID, wake: WakeID, number: Int)
    case stateChanged(RunnerID, from: RunnerState, to: RunnerState)
    case wakeStarted(RunnerID, WakeID)
    case wakeEnded(RunnerID, WakeID, after: Duration, succeeded: Bool)
    /// Ask the agent to load a model, and report with `commandAnswered`.
    case loadModel(RunnerID, engineModel: EngineModelID, RunnerRequest)
    /// The same for unloading; no call is under way on it, and none begins before this is answered.
    case unloadModel(RunnerID, engineModel: EngineModelID, RunnerRequest)
    /// For the operator.
    case loadFailed(RunnerID, engineModel: EngineModelID, reason: String)
    /// Ask the agent to put its machine to sleep, and report with `commandAnswered`; no call is under way on it.
    case sleepMachine(RunnerID, RunnerRequest)
    /// The machine was told to sleep and does not; for the operator.
    case sleepRefused(RunnerID, reason: String)
    /// Ask the engine for one token of a model that is in memory, and report with `checkAnswered`.
    case checkRunner(RunnerID, engineModel: EngineModelID, RunnerRequest)
    /// A machine that was asleep is not as it was before; for the operator.
    case checkFailed(RunnerID, reason: String)
    /// The runner failed so many calls in a row that it gets none for a while.
    case ejected(RunnerID, for: Duration)
    /// An ejected runner served a trial call: it is one like the others again.
    case readmitted(RunnerID)
    /// Call `timePassed` at this time; replaces every earlier wish.
    case startTimer(ContinuousClock.Instant)
}
