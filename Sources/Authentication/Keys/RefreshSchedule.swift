/// When an issuer's keys are fetched: by age, after failures with growing pauses, and on demand with a cooldown.
/// Pure: events in, answers out; `KeySource` owns the clock and the fetching.
struct RefreshSchedule: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Phase: Hashable, Sendable {
        case stopped
        case waiting(until: Instant)
        case fetching
    }

    enum Answer: Hashable, Sendable {
        /// A fetch runs or is about to: wait for its end.
        case join
        /// As `join`, but the fetch was brought forward: whoever waits for its time must be told.
        case wake
        /// No fetch for this demand.
        case refused
    }

    private(set) var phase: Phase = .stopped
    /// Whether the fetch that is due or running was asked for rather than scheduled.
    private(set) var isOnDemand = false

    private let every: Duration
    private let cooldown: Duration
    private let firstRetry: Duration
    private let lastRetry: Duration
    private var lastDemand: Instant?
    private var failures = 0

    init(every: Duration, cooldown: Duration, firstRetry: Duration, lastRetry: Duration) {
        self.every = every
        self.cooldown = cooldown
        self.firstRetry = firstRetry
        self.lastRetry = max(firstRetry, min(lastRetry, every))
    }

    /// When the next fetch is due; nil while one runs or when stopped.
    var due: Instant? {
        if case .waiting(let instant) = phase { instant } else { nil }
    }

    mutating func started(at now: Instant) {
        phase = .waiting(until: now)
    }

    /// A token names a key that is not known. Any number of demands within the cooldown costs one fetch.
    mutating func demanded(at now: Instant) -> Answer {
        switch phase {
        case .stopped:
            return .refused
        case .fetching:
            return .join
        case .waiting(let due):
            if due <= now { return .join }
            if let lastDemand, now - lastDemand < cooldown { return .refused }
            lastDemand = now
            isOnDemand = true
            phase = .waiting(until: now)
            return .wake
        }
    }

    mutating func fetchBegan() {
        phase = .fetching
    }

    mutating func fetchSucceeded(at now: Instant) {
        failures = 0
        isOnDemand = false
        phase = .waiting(until: now + every)
    }

    mutating func fetchFailed(at now: Instant) {
        var pause = firstRetry
        for _ in 0..<failures where pause < lastRetry { pause *= 2 }
        failures += 1
        isOnDemand = false
        phase = .waiting(until: now + min(pause, lastRetry))
    }

    mutating func stopped() {
        isOnDemand = false
        phase = .stopped
    }
}
