import SimpleAICore

/// The pure part of the scheduler: events in, results and effects out. `Scheduler` is the shell around it.
///
/// It has no clock, socket, logger or lock: time is an argument, and every action is returned as a `SchedulerEffect`.
/// It is composed of state machines that own their state; this type passes events between them:
///
/// | state machine | decides |
/// |---|---|
/// | `PlacementIndex` | which runner serves a call |
/// | `OutlierDetection` | when a failing runner is ejected, and when it returns |
/// | `FairQueue` | which waiting call is next, and which call a full queue refuses |
/// | `Liveness` | which state the evidence about a runner means |
/// | `WakeMachine` | when packets are sent, when a wake fails, and when the next may start |
/// | `LoadMachine` | what is unloaded for a model, when, and when a failed load may be repeated |
/// | `LoadingTrials` | when an engine that is loading gets a trial call |
/// | `AgentLiveness` | when a disconnected agent's grace period ends |
/// | `SleepMachine`, `EngineCheck` | when an idle machine sleeps, and whether its engine works afterwards |
///
/// Invariants:
/// - picking a runner and reserving its slot are one step, so a burst cannot pile up on one runner;
/// - the sum of the runners' active calls equals the number of leases;
/// - a machine has at most one wake in progress, however many calls wait for it;
/// - waiting callers are served by fair queueing, and one caller's calls for the same models in order of arrival.
public struct SchedulerState: Sendable {
    private(set) var configuration: Configuration
    /// By the runner's index; `placement` has the rest of a runner's state.
    var records: [Record] = []
    var placement = PlacementIndex()
    var queue = FairQueue()
    var leases = LeaseTable()
    var deadlines = RunnerDeadlines()
    var requests = RequestSequence()
    /// Whether a load has blocked models since the waiting calls were last reconsidered.
    var hasModelsBlockedByLoad = false
    var effects: [SchedulerEffect] = []
    private var wakes = 0
    private var timer: ContinuousClock.Instant?

    public init(_ configuration: Configuration = .init()) {
        self.configuration = configuration
    }

    /// Applies a new configuration to later decisions; waiting calls keep their deadlines.
    public mutating func reconfigure(_ new: Configuration, now: ContinuousClock.Instant) {
        let prefix = configuration.wakeIDPrefix
        configuration = new
        // Otherwise two wakes of one process could have the same id.
        configuration.wakeIDPrefix = prefix
        // Machines that are idle already may be due earlier, or at all.
        for index in records.indices where !placement[index].isLeaving { trackIdleTime(ofRunnerAt: index, now: now) }
        reconsiderWaiters(now: now)
    }

    /// Returns the effects since the last call of this function.
    public mutating func takeEffects() -> [SchedulerEffect] {
        if effects.isEmpty && timer == nil && queue.count == 0 && deadlines.isEmpty && placement.ejected.isEmpty {
            return []
        }
        let wanted = nextDeadline
        if let wanted, timer.map({ wanted < $0 }) ?? true { effects.append(.startTimer(wanted)) }
        timer = wanted
        defer { effects = [] }
        return effects
    }

    var nextDeadline: ContinuousClock.Instant? {
        [
            queue.earliestDeadline,
            deadlines.waking.lazy.compactMap { records[$0].wakes.nextDeadline }.min(),
            placement.nextTrialAt,
            deadlines.trials.lazy.compactMap { records[$0].trials.nextAt }.min(),
            deadlines.agents.lazy.compactMap { records[$0].nextAgentDeadline }.min(),
            deadlines.nextSleepCheck,
        ].compactMap { $0 }.min()
    }

    /// Handles deadlines of waiting calls, packets that are due, and wakes that timed out.
    public mutating func timePassed(now: ContinuousClock.Instant) {
        for index in deadlines.waking.sorted() { advanceWake(ofRunnerAt: index, now: now) }
        for index in deadlines.agents.sorted() { advanceAgent(ofRunnerAt: index, now: now) }
        for index in deadlines.trials.sorted() { startTrial(ofRunnerAt: index, now: now) }
        for index in placement.ejected.sorted() { endEjection(ofRunnerAt: index, now: now) }
        sleepIdleMachines(now: now)
        rejectLateWaiters(now: now)
        timer = nil
    }

    // MARK: Shared by the events

    func index(of runner: RunnerID) -> Int? { placement.indexByID[runner] }

    mutating func setState(_ state: RunnerState, ofRunnerAt index: Int) {
        let old = placement[index].state
        guard old != state else { return }
        placement.stateChanged(at: index, to: state)
        if old == .loading || state == .loading { records[index].trials.engineChanged() }
        if state == .asleep { records[index].fellAsleep() }
        if state != .ready { records[index].sleep.idleTimeEnded() }
        trackDeadlines(index)
        effects.append(
            .stateChanged(records[index].runner.id, from: old, to: state, reason: records[index].liveness.reason))
    }

    /// Call this whenever the models that a runner lists or has loaded may have changed.
    mutating func reindex(_ index: Int) {
        let record = records[index]
        let listed = placement[index].isLeaving ? [:] : record.models
        placement.modelsChanged(
            at: index,
            to: Dictionary(uniqueKeysWithValues: listed.keys.lazy.map { ($0, record.canServeNow($0)) }))
    }

    /// Call this whenever a deadline of a runner's wake, trial or agent may have changed.
    mutating func trackDeadlines(_ index: Int) {
        deadlines.deadlinesChanged(at: index, of: records[index])
    }

    mutating func makeWakeID() -> WakeID {
        wakes += 1
        return WakeID("\(configuration.wakeIDPrefix)\(wakes)")
    }
}
