public import SimpleAICore

/// An action that the state machine has decided on, for its owner to perform.
public enum SchedulerEffect: Hashable, Sendable {
    case grant(WaiterID, Lease)
    case reject(WaiterID, GatewayError)
    /// - Parameter isFallingAsleep: whether the machine may still be awake after a sleep command: methods that are not
    ///   repeated after a success wait for a later packet.
    case sendPacket(RunnerID, wake: WakeID, number: Int, isFallingAsleep: Bool)
    /// The reason states, for the operator, why the runner cannot serve.
    case stateChanged(RunnerID, from: RunnerState, to: RunnerState, reason: OperatorReason?)
    case wakeStarted(RunnerID, WakeID)
    case wakeEnded(RunnerID, WakeID, after: Duration, succeeded: Bool)
    /// Command the agent to load a model, and report the result with `commandCompleted`.
    case loadModel(RunnerID, engineModel: EngineModelID, CommandID)
    /// Command the agent to unload a model, and report the result with `commandCompleted`. No call uses the model, and
    /// none begins before the result.
    case unloadModel(RunnerID, engineModel: EngineModelID, CommandID)
    /// For the operator: a load failed.
    case loadFailed(RunnerID, engineModel: EngineModelID, reason: String)
    /// Put the machine to sleep, and report the result with `commandCompleted`. No call is in progress on it.
    case sleepMachine(RunnerID, CommandID, by: SleepMethod)
    /// For the operator: the machine did not fall asleep after a sleep command.
    case sleepFailed(RunnerID, reason: OperatorReason)
    /// Request one token from a model in the engine's memory, and report the result with `checkCompleted`.
    case checkRunner(RunnerID, engineModel: EngineModelID, CommandID)
    /// For the operator: a machine failed its check after sleep.
    case checkFailed(RunnerID, reason: String)
    /// The runner failed repeatedly and is ejected for this time.
    case ejected(RunnerID, for: Duration)
    /// An ejected runner served its trial call and is back in service.
    case readmitted(RunnerID)
    /// Call `timePassed` at this time; replaces every earlier timer.
    case startTimer(ContinuousClock.Instant)
}
