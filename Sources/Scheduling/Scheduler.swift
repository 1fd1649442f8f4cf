public import SimpleAICore
import Synchronization

/// The shell around `SchedulerState`: lock, decide, unlock, act. Nothing is awaited, logged, written or resumed under
/// the lock.
public final class Scheduler: Sendable {
    /// The final result of a waiting call.
    public typealias Resume = @Sendable (Result<Lease, GatewayError>) -> Void

    private struct Guarded {
        var state: SchedulerState
        var resumes: [WaiterID: Resume] = [:]
        /// Effects to perform, in the order of the decisions.
        var outbox: [SchedulerEffect] = []
        /// Whether a thread is performing effects. Only one thread does at a time, because the order of timer requests
        /// matters.
        var isPerforming = false

        mutating func takeOutbox() -> [SchedulerEffect] {
            defer { outbox = [] }
            return outbox
        }
    }

    private let guarded: Mutex<Guarded>
    private let now: @Sendable () -> ContinuousClock.Instant
    private let perform: Mutex<(@Sendable (SchedulerEffect) -> Void)?> = Mutex(nil)

    /// - Parameter now: the clock; tests provide their own.
    public init(_ state: SchedulerState, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        guarded = Mutex(Guarded(state: state))
        self.now = now
    }

    /// Sets the handler of all effects except grants and rejections: packets, timers, log lines. Call once, before the
    /// first call is placed. `perform` is called with one effect at a time, in the order of the decisions, on any
    /// thread.
    public func onEffect(_ perform: @escaping @Sendable (SchedulerEffect) -> Void) {
        self.perform.withLock { $0 = perform }
    }

    /// Places a call. If the result is `waiting`, `resume` is called exactly once, on any thread, unless `abandon`
    /// withdraws the call first.
    public func place(_ request: PlacementRequest, resume: @escaping Resume) -> Placement {
        act { guarded, now in
            let placement = guarded.state.place(request, now: now)
            if case .waiting(let waiter, _) = placement { guarded.resumes[waiter] = resume }
            return placement
        }
    }

    public func release(_ lease: LeaseID, outcome: LeaseOutcome = .undecided) {
        act { $0.state.release(lease, outcome: outcome, now: $1) }
    }

    /// Adds a runner, or replaces its description.
    public func put(_ runner: Runner) {
        act { $0.state.put(runner, now: $1) }
    }

    /// Removes a runner: it gets no more calls, and calls in progress may finish.
    public func remove(_ id: RunnerID) {
        act { $0.state.remove(id, now: $1) }
    }

    /// Adds and removes runners in one step, so that no call is placed in between and refused for lack of a runner.
    public func change(adding new: [Runner], removing old: [RunnerID]) {
        act { $0.state.change(adding: new, removing: old, now: $1) }
    }

    /// Applies a new configuration to later decisions.
    public func reconfigure(_ configuration: SchedulerState.Configuration) {
        act { $0.state.reconfigure(configuration, now: $1) }
    }

    /// Withdraws a waiting call.
    /// - Returns: false if its result is already on the way: `resume` has been or will be called.
    public func abandon(_ waiter: WaiterID, of request: PlacementRequest) -> Bool {
        act { guarded, _ in
            guard guarded.resumes.removeValue(forKey: waiter) != nil else { return false }
            guarded.state.abandon(waiter, models: request.models)
            return true
        }
    }

    public func runnerResponded(_ id: RunnerID, engineModels: [EngineModelID]?, reason: OperatorReason? = nil) {
        act { $0.state.runnerResponded(id, engineModels: engineModels, reason: reason, now: $1) }
    }

    public func runnerUnreachable(
        _ id: RunnerID, lastContactAt: ContinuousClock.Instant?, reason: OperatorReason? = nil
    ) {
        act { $0.state.runnerUnreachable(id, lastContactAt: lastContactAt, reason: reason, now: $1) }
    }

    public func runnerRefused(_ id: RunnerID, reason: OperatorReason? = nil) {
        act { $0.state.runnerRefused(id, reason: reason, now: $1) }
    }

    public func runnerSilent(_ id: RunnerID, reason: OperatorReason? = nil) {
        act { $0.state.runnerSilent(id, reason: reason, now: $1) }
    }

    public func foreignServerResponded(_ id: RunnerID, reason: OperatorReason? = nil) {
        act { $0.state.foreignServerResponded(id, reason: reason, now: $1) }
    }

    public func runnerIsLoading(_ id: RunnerID, reason: OperatorReason? = nil) {
        act { $0.state.runnerIsLoading(id, reason: reason, now: $1) }
    }

    public func callCouldNotConnect(_ id: RunnerID, reason: OperatorReason? = nil) {
        act { $0.state.callCouldNotConnect(id, reason: reason, now: $1) }
    }

    public func agentConnected(_ id: RunnerID) {
        act { $0.state.agentConnected(id, now: $1) }
    }

    public func agentReported(_ id: RunnerID, _ report: RunnerReport) {
        act { $0.state.agentReported(id, report, now: $1) }
    }

    public func agentDisconnected(_ id: RunnerID, reason: OperatorReason) {
        act { $0.state.agentDisconnected(id, reason: reason, now: $1) }
    }

    public func commandCompleted(_ id: RunnerID, _ request: CommandID, failure: String? = nil) {
        act { $0.state.commandCompleted(id, request, failure: failure, now: $1) }
    }

    public func checkCompleted(_ id: RunnerID, _ request: CommandID, failure: String?) {
        act { $0.state.checkCompleted(id, request, failure: failure, now: $1) }
    }

    public func wakeAttempted(_ id: RunnerID, _ wake: WakeID, failure: String?) {
        act { $0.state.wakeAttempted(id, wake, failure: failure, now: $1) }
    }

    public func wakeMachine(_ id: RunnerID) -> WakeCommandResult {
        act { $0.state.wakeMachine(id, now: $1) }
    }

    public func sleepMachine(_ id: RunnerID) -> SleepCommandResult {
        act { $0.state.sleepMachine(id, now: $1) }
    }

    public func timePassed() {
        act { $0.state.timePassed(now: $1) }
    }

    /// Explains what the scheduler would do with a call now. The state is copied under the lock and evaluated outside.
    public func explain(_ request: PlacementRequest) -> PlacementExplanation {
        let now = now()
        return guarded.withLock { $0.state }.explain(request, now: now)
    }

    /// Whether a runner has served a call since it was added.
    public func hasServed(_ id: RunnerID) -> Bool {
        guarded.withLock { guarded in
            guarded.state.indexByID[id].map { guarded.state.occupancy(ofRunnerAt: $0).hasServed } ?? false
        }
    }

    public func snapshot() -> SchedulerSnapshot {
        let now = now()
        return guarded.withLock { $0.state.snapshot(now: now) }
    }

    private func act<Output: Sendable>(_ body: (inout Guarded, ContinuousClock.Instant) -> Output) -> Output {
        let now = now()
        var resumptions: [(Resume, Result<Lease, GatewayError>)] = []
        let (output, isPerformer) = guarded.withLock { guarded in
            let output = body(&guarded, now)
            for effect in guarded.state.takeEffects() {
                switch effect {
                case .grant(let waiter, let lease):
                    guarded.resumes.removeValue(forKey: waiter).map { resumptions.append(($0, .success(lease))) }
                case .reject(let waiter, let error):
                    guarded.resumes.removeValue(forKey: waiter).map { resumptions.append(($0, .failure(error))) }
                default: guarded.outbox.append(effect)
                }
            }
            let isPerformer = !guarded.outbox.isEmpty && !guarded.isPerforming
            if isPerformer { guarded.isPerforming = true }
            return (output, isPerformer)
        }
        for (resume, result) in resumptions { resume(result) }
        if isPerformer { performEffects() }
        return output
    }

    private func performEffects() {
        let perform = perform.withLock { $0 }
        while true {
            let effects = guarded.withLock { guarded in
                let effects = guarded.takeOutbox()
                if effects.isEmpty { guarded.isPerforming = false }
                return effects
            }
            if effects.isEmpty { return }
            for effect in effects { perform?(effect) }
        }
    }
}
