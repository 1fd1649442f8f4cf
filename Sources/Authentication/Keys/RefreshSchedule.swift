/// When an issuer's keys are fetched: by age, after failures with growing pauses, and on demand.
///
/// Anybody can name a key that does not exist, and nobody can tell such a key from one that was published a moment ago.
/// So demands never end in "not now, and nothing will happen": each of them leads to a fetch. The first ones do so at
/// once, `maxBurst` of them; beyond that the next fetch is due at most `demandInterval` after the one before, whatever
/// the number of demands. A new key is therefore known within one interval and one fetch, and guessing costs the issuer
/// a fixed number of fetches a minute.
///
/// Pure: events in, answers out; `KeySource` owns the clock and the fetching.
struct RefreshSchedule: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Phase: Hashable, Sendable {
        case stopped
        case waiting(until: Instant)
        case fetching
    }

    /// What follows from a demand.
    struct Demand: Hashable, Sendable {
        /// When the fetch is due whose end settles the demand; in the past for one that runs.
        let dueAt: Instant
        /// Whether that is earlier than before: whoever sleeps until the old time must be woken.
        let isBroughtForward: Bool
    }

    /// Fetches that demands cause without a pause, if there were none for long.
    static let maxBurst = 4
    /// Demands cause that many fetches in one cooldown, in the long run.
    static let fetchesPerCooldown = 5

    private(set) var phase: Phase = .stopped
    /// Whether the fetch that is due or running was asked for rather than scheduled.
    private(set) var isOnDemand = false

    private let every: Duration
    private let demandInterval: Duration
    private let firstRetry: Duration
    private let lastRetry: Duration
    /// When the allowance for demands is whole again (the theoretical arrival time of the generic cell rate algorithm).
    private var allowanceRestoredAt: Instant?
    private var failures = 0

    init(every: Duration, cooldown: Duration, firstRetry: Duration, lastRetry: Duration) {
        self.every = every
        demandInterval = Self.demandInterval(of: cooldown)
        self.firstRetry = firstRetry
        self.lastRetry = max(firstRetry, min(lastRetry, every))
    }

    static func demandInterval(of cooldown: Duration) -> Duration { max(.zero, cooldown) / fetchesPerCooldown }

    /// When the next fetch is due; nil while one runs or when stopped.
    var due: Instant? {
        if case .waiting(let instant) = phase { instant } else { nil }
    }

    mutating func started(at now: Instant) {
        phase = .waiting(until: now)
    }

    /// A token names a key that is not known.
    /// - Returns: nil when stopped: nothing will be fetched.
    mutating func demanded(at now: Instant) -> Demand? {
        switch phase {
        case .stopped:
            return nil
        case .fetching:
            return Demand(dueAt: now, isBroughtForward: false)
        case .waiting(let due):
            let restoredAt = max(allowanceRestoredAt ?? now, now)
            let allowedAt = max(now, restoredAt - demandInterval * (Self.maxBurst - 1))
            guard allowedAt < due else { return Demand(dueAt: due, isBroughtForward: false) }
            allowanceRestoredAt = restoredAt + demandInterval
            isOnDemand = true
            phase = .waiting(until: allowedAt)
            return Demand(dueAt: allowedAt, isBroughtForward: true)
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
