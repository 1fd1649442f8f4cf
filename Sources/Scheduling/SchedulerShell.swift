import SimpleAICore
import Synchronization

/// The shell around `SchedulerState`: lock, decide, unlock, act. Nothing is awaited, logged, written or resumed under
/// the lock.
final class SchedulerShell: Sendable {
    struct Guarded: ~Copyable {
        var state: SchedulerState
        var resumes: [WaiterID: Scheduler.Resume] = [:]
        /// Effects to perform, in the order of the decisions.
        fileprivate var outbox: [SchedulerEffect] = []
        /// Whether a thread is performing effects. Only one thread does at a time, because the order of timer requests
        /// matters.
        fileprivate var isPerforming = false

        init(_ state: SchedulerState) { self.state = state }

        fileprivate mutating func takeOutbox() -> [SchedulerEffect] {
            defer { outbox = [] }
            return outbox
        }
    }

    private let guarded: Mutex<Guarded>
    private let now: @Sendable () -> ContinuousClock.Instant
    private let perform: Mutex<(@Sendable (SchedulerEffect) -> Void)?> = Mutex(nil)

    init(_ state: SchedulerState, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        guarded = Mutex(Guarded(state))
        self.now = now
    }

    func onEffect(_ perform: @escaping @Sendable (SchedulerEffect) -> Void) {
        self.perform.withLock { $0 = perform }
    }

    /// Answers a query under the lock. A query cannot change the state.
    func query<Output: Sendable>(
        _ read: (borrowing SchedulerState, ContinuousClock.Instant) -> Output
    ) -> Output {
        let now = now()
        return guarded.withLock { read($0.state, now) }
    }

    /// Handles an event, and performs its effects outside the lock.
    func handle<Output: Sendable>(_ body: (inout Guarded, ContinuousClock.Instant) -> Output) -> Output {
        let now = now()
        var resumptions: [(Scheduler.Resume, Result<Lease, GatewayError>)] = []
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
