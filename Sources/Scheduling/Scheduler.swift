public import SimpleAICore

/// Places calls on runners, queues them, and wakes, loads and puts to sleep what they need. This page is its interface.
///
/// - **Events** report what happened, or request something. Each is handled under one lock, in one step: the state
///   changes, the result is returned, and every further action becomes an effect.
/// - **Queries** return a value and change nothing: no query starts a wake or a load, or makes the next event copy the
///   state.
/// - **Effects** (`SchedulerEffect`) are actions for the owner to perform, outside the lock, in the order of the
///   decisions. Their results are events again: `wakeAttempted`, `commandCompleted`, `checkCompleted`, `timePassed`.
///
/// The rules are in `SchedulerState`; `SchedulerShell` has the lock and performs the effects. Every function may be
/// called on any thread and returns without waiting.
public final class Scheduler: Sendable {
    /// The final result of a waiting call.
    public typealias Resume = @Sendable (Result<Lease, GatewayError>) -> Void

    private let shell: SchedulerShell

    /// - Parameter now: the clock; tests provide their own.
    public init(_ state: SchedulerState, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        shell = SchedulerShell(state, now: now)
    }

    // MARK: Effects

    /// Sets the handler of all effects except grants and rejections: packets, timers, log lines. Call once, before the
    /// first call is placed. `perform` is called with one effect at a time, in the order of the decisions, on any
    /// thread.
    public func onEffect(_ perform: @escaping @Sendable (SchedulerEffect) -> Void) { shell.onEffect(perform) }

    // MARK: Queries

    /// Explains what the scheduler would do with a call now.
    public func explain(_ request: PlacementRequest) -> PlacementExplanation {
        let (forecast, view) = shell.query { ($0.forecast(request, now: $1), $0.view(now: $1)) }
        return PlacementExplanation(forecast, view, request)
    }

    public func snapshot() -> SchedulerSnapshot { SchedulerSnapshot(shell.query { $0.view(now: $1) }) }

    /// Whether a runner lists a model of this id, ready or not.
    public func lists(_ model: ModelID) -> Bool {
        shell.query { state, _ in !state.placement.runners(listing: model).isEmpty }
    }

    /// Whether a runner has served a call since it was added.
    public func hasServed(_ id: RunnerID) -> Bool { shell.query { state, _ in state.hasServed(id) } }

    // MARK: Events: calls

    /// Places a call. If the result is `waiting`, `resume` is called exactly once, on any thread, unless `abandon`
    /// withdraws the call first.
    public func place(_ request: PlacementRequest, resume: @escaping Resume) -> Placement {
        shell.handle { guarded, now in
            let placement = guarded.state.place(request, now: now)
            if case .waiting(let waiter, _) = placement { guarded.resumes[waiter] = resume }
            return placement
        }
    }

    /// Places a call only if a runner can serve it now. Never waits, wakes or loads anything.
    public func placeImmediately(_ request: PlacementRequest) -> Result<Lease, GatewayError> {
        shell.handle { $0.state.placeImmediately(request, now: $1) }
    }

    /// Starts the wake or the load that a call will wait for, while its request is still arriving; `place` follows.
    public func prepare(for request: PlacementRequest) { shell.handle { $0.state.prepare(for: request, now: $1) } }

    public func release(_ lease: LeaseID, outcome: LeaseOutcome = .undecided) {
        shell.handle { $0.state.release(lease, outcome: outcome, now: $1) }
    }

    /// Withdraws a waiting call.
    /// - Returns: false if its result is already on the way: `resume` has been or will be called.
    public func abandon(_ waiter: WaiterID, of request: PlacementRequest) -> Bool {
        shell.handle { guarded, _ in
            guard guarded.resumes.removeValue(forKey: waiter) != nil else { return false }
            guarded.state.abandon(waiter, models: request.models)
            return true
        }
    }

    // MARK: Events: settings

    /// Adds a runner, or replaces its description.
    public func put(_ runner: Runner) {
        shell.handle { $0.state.put(runner, now: $1) }
    }

    /// Removes a runner: it gets no more calls, and calls in progress may finish.
    public func remove(_ id: RunnerID) {
        shell.handle { $0.state.remove(id, now: $1) }
    }

    /// Adds and removes runners in one step, so that no call is placed in between and refused for lack of a runner.
    public func change(adding new: [Runner], removing old: [RunnerID]) {
        shell.handle { $0.state.change(adding: new, removing: old, now: $1) }
    }

    /// Applies a new configuration to later decisions.
    public func reconfigure(_ configuration: SchedulerState.Configuration) {
        shell.handle { $0.state.reconfigure(configuration, now: $1) }
    }

    // MARK: Events: evidence about runners

    /// A probe got a response of the engine.
    public func runnerResponded(_ id: RunnerID, engineModels: [EngineModelID]?, reason: OperatorReason? = nil) {
        shell.handle { $0.state.runnerResponded(id, engineModels: engineModels, reason: reason, now: $1) }
    }

    /// A probe got no connection.
    /// - Parameter lastContactAt: when the machine last acknowledged or sent data in one of the calls in progress on it.
    public func runnerUnreachable(
        _ id: RunnerID, lastContactAt: ContinuousClock.Instant?, reason: OperatorReason? = nil
    ) {
        shell.handle { $0.state.runnerUnreachable(id, lastContactAt: lastContactAt, reason: reason, now: $1) }
    }

    /// The host refused a connection: it is up, and its engine is not.
    public func runnerRefusedConnection(_ id: RunnerID, reason: OperatorReason? = nil) {
        shell.handle { $0.state.runnerRefusedConnection(id, reason: reason, now: $1) }
    }

    /// The connection of a probe was accepted, but no response came in time.
    public func runnerSilent(_ id: RunnerID, reason: OperatorReason? = nil) {
        shell.handle { $0.state.runnerSilent(id, reason: reason, now: $1) }
    }

    /// Another server responded at the engine's address, such as a front end that does not reach it.
    public func foreignServerResponded(_ id: RunnerID, reason: OperatorReason? = nil) {
        shell.handle { $0.state.foreignServerResponded(id, reason: reason, now: $1) }
    }

    /// The engine responded that it is loading its model.
    public func runnerIsLoading(_ id: RunnerID, reason: OperatorReason? = nil) {
        shell.handle { $0.state.runnerIsLoading(id, reason: reason, now: $1) }
    }

    /// A call got no connection.
    public func callCouldNotConnect(_ id: RunnerID, reason: OperatorReason? = nil) {
        shell.handle { $0.state.callCouldNotConnect(id, reason: reason, now: $1) }
    }

    // MARK: Events: agents

    public func agentConnected(_ id: RunnerID) {
        shell.handle { $0.state.agentConnected(id, now: $1) }
    }

    public func agentReported(_ id: RunnerID, _ report: RunnerReport) {
        shell.handle { $0.state.agentReported(id, report, now: $1) }
    }

    public func agentDisconnected(_ id: RunnerID, reason: OperatorReason) {
        shell.handle { $0.state.agentDisconnected(id, reason: reason, now: $1) }
    }

    // MARK: Events: requests of operators

    public func wakeMachine(_ id: RunnerID) -> WakeCommandResult {
        shell.handle { $0.state.wakeMachine(id, now: $1) }
    }

    public func sleepMachine(_ id: RunnerID) -> SleepCommandResult {
        shell.handle { $0.state.sleepMachine(id, now: $1) }
    }

    // MARK: Events: results of effects

    // A `CommandID` pairs an effect with its result; for a check it stands for the check, which sends no command.

    public func commandCompleted(_ id: RunnerID, _ request: CommandID, failure: String? = nil) {
        shell.handle { $0.state.commandCompleted(id, request, failure: failure, now: $1) }
    }

    public func checkCompleted(_ id: RunnerID, _ request: CommandID, failure: String?) {
        shell.handle { $0.state.checkCompleted(id, request, failure: failure, now: $1) }
    }

    public func wakeAttempted(_ id: RunnerID, _ wake: WakeID, failure: String?) {
        shell.handle { $0.state.wakeAttempted(id, wake, failure: failure, now: $1) }
    }

    /// The timer of the latest `startTimer` has fired.
    public func timePassed() {
        shell.handle { $0.state.timePassed(now: $1) }
    }
}
