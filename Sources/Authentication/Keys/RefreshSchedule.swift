/// When an issuer's keys are fetched: by age, after failures with increasing pauses, and on request, when a token names an
/// unknown key.
///
/// Any client can name a key that does not exist, and such a key cannot be distinguished from one published a moment ago, so
/// every request leads to a fetch. The first `maxBurst` requests are followed by an immediate fetch; then the next one is due at
/// most `requestedFetchInterval` after the previous one, regardless of the number of requests. A new key is therefore known within one
/// interval and one fetch, and clients that guess keys cause a bounded number of fetches per minute.
///
/// Pure: events in, decisions out; `KeySource` owns the clock and the fetching.
struct RefreshSchedule: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Phase: Hashable, Sendable {
        case stopped
        case waiting(until: Instant)
        case fetching
    }

    /// The result of a request for a fetch.
    struct FetchRequest: Hashable, Sendable {
        /// When the requested fetch starts; the time of the request if a fetch is in progress.
        let dueAt: Instant
        /// Whether the request made the fetch due earlier: a task that sleeps until the old time must be woken.
        let isBroughtForward: Bool
    }

    /// Maximum number of immediate fetches after a period without requests.
    static let maxBurst = 4
    /// Long-run number of requested fetches per cooldown.
    static let fetchesPerCooldown = 5

    private(set) var phase: Phase = .stopped
    /// Whether the fetch that is due or in progress was requested rather than scheduled.
    private(set) var isOnDemand = false

    private let every: Duration
    private let requestedFetchInterval: Duration
    private let firstRetry: Duration
    private let lastRetry: Duration
    /// When the allowance for requests is fully restored (the theoretical arrival time of the generic cell rate
    /// algorithm).
    private var allowanceRestoredAt: Instant?
    private var failures = 0

    init(every: Duration, cooldown: Duration, firstRetry: Duration, lastRetry: Duration) {
        self.every = every
        requestedFetchInterval = Self.requestedFetchInterval(of: cooldown)
        self.firstRetry = firstRetry
        self.lastRetry = max(firstRetry, min(lastRetry, every))
    }

    static func requestedFetchInterval(of cooldown: Duration) -> Duration { max(.zero, cooldown) / fetchesPerCooldown }

    /// When the next fetch is due; nil while one is in progress or when stopped.
    var due: Instant? {
        if case .waiting(let instant) = phase { instant } else { nil }
    }

    mutating func started(at now: Instant) {
        phase = .waiting(until: now)
    }

    /// Requests a fetch because a token names an unknown key.
    /// - Returns: nil if stopped: no fetch will follow.
    mutating func fetchRequested(at now: Instant) -> FetchRequest? {
        switch phase {
        case .stopped:
            return nil
        case .fetching:
            return FetchRequest(dueAt: now, isBroughtForward: false)
        case .waiting(let due):
            let restoredAt = max(allowanceRestoredAt ?? now, now)
            let allowedAt = max(now, restoredAt - requestedFetchInterval * (Self.maxBurst - 1))
            guard allowedAt < due else { return FetchRequest(dueAt: due, isBroughtForward: false) }
            allowanceRestoredAt = restoredAt + requestedFetchInterval
            isOnDemand = true
            phase = .waiting(until: allowedAt)
            return FetchRequest(dueAt: allowedAt, isBroughtForward: true)
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
