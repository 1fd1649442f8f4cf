public import SimpleAICore

/// An action to perform outside after an event; the state machine itself only decides.
public enum SchedulerEffect: Hashable, Sendable {
    case grant(WaiterID, Lease)
    case reject(WaiterID, GatewayError)
    case sendPacket(RunnerID, wake: WakeID, number: Int)
    /// With the reason where the runner cannot serve, for the operator.
    case stateChanged(RunnerID, from: RunnerState, to: RunnerState, reason: OperatorReason?)
    case wakeStarted(RunnerID, WakeID)
    case wakeEnded(RunnerID, WakeID, after: Duration, succeeded: Bool)
    /// Request the agent to load a model, and report the result with `commandCompleted`.
    case loadModel(RunnerID, engineModel: EngineModelID, RunnerRequest)
    /// Request the agent to unload a model, and report the result likewise; no call is in progress on it, and none
    /// begins before the result.
    case unloadModel(RunnerID, engineModel: EngineModelID, RunnerRequest)
    /// For the operator: a load failed.
    case loadFailed(RunnerID, engineModel: EngineModelID, reason: String)
    /// Request the agent to put its machine to sleep, and report the result with `commandCompleted`; no call is in
    /// progress on it.
    case sleepMachine(RunnerID, RunnerRequest)
    /// The machine did not fall asleep after a command to; for the operator.
    case sleepFailed(RunnerID, reason: OperatorReason)
    /// Ask the engine for one token of a model that is in memory, and report with `checkCompleted`.
    case checkRunner(RunnerID, engineModel: EngineModelID, RunnerRequest)
    /// For the operator: a machine failed its check after sleep.
    case checkFailed(RunnerID, reason: String)
    /// The runner failed repeatedly and is ejected for this time.
    case ejected(RunnerID, for: Duration)
    /// An ejected runner served its trial call and is back in service.
    case readmitted(RunnerID)
    /// Call `timePassed` at this time; replaces every earlier timer.
    case startTimer(ContinuousClock.Instant)
}
