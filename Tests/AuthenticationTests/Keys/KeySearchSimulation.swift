import TestSupport
@testable import Authentication

/// An issuer, its clients, and clients that guess key ids, in steps of 50 ms: runs the pure rules of `KeySource`
/// without its tasks. Keys rotate, outages begin and end, and some tokens are used shortly before their key is
/// published.
struct KeySearchSimulation {
    typealias Instant = ContinuousClock.Instant

    static let step: Duration = .milliseconds(50)
    static let cooldown: Duration = .seconds(30)
    static let maxFetchDuration: Duration = .seconds(2)

    /// The time during which the tokens of a new key were wrongly refused.
    struct Delay {
        let refused: Duration
        /// Whether its tokens were used before it was published.
        let wasUsedEarly: Bool
    }

    private(set) var delays: [Delay] = []
    private(set) var fetchesOnDemand: [Instant] = []
    private(set) var fetchesByTime: [Instant] = []

    private var random: SeededGenerator
    private let start = ContinuousClock.now
    private var now: Instant
    private var schedule: RefreshSchedule
    private var missing: FailedKeySearches
    private var known: Set<String> = ["key-0"]

    // The issuer.
    private var published: Set<String> = ["key-0"]
    private var generation = 0
    private var publishesAt: Instant
    private var isDown = false
    private var changesAt: Instant

    // The fetch in progress: its result, and its end.
    private var fetchEndsAt: Instant?
    private var fetched: Set<String>?
    /// Searches that wait for its end; those that began during the fetch may need another one.
    private var waiting: [KeySearch] = []
    private var joined: [KeySearch] = []

    // The client of the current key.
    private var refusedSince: Instant?
    private var wasUsedEarly = false

    private let guessesAStep: Double
    private let staleClients: Int

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        now = start
        schedule = RefreshSchedule(
            every: .seconds(600), cooldown: Self.cooldown, firstRetry: .seconds(1), lastRetry: .seconds(30))
        missing = FailedKeySearches(
            firstPause: RefreshSchedule.requestedFetchInterval(of: Self.cooldown), lastPause: Self.cooldown * 2)
        guessesAStep = [0, 0.02, 0.5, 5].randomElement(using: &random) ?? 0
        staleClients = Int.random(in: 0...5, using: &random)
        publishesAt = start + .seconds(Double.random(in: 5...120, using: &random))
        changesAt = start + .seconds(Double.random(in: 60...300, using: &random))
        schedule.started(at: now)
    }

    mutating func run(for duration: Duration) {
        while now - start < duration {
            now += Self.step
            runIssuer()
            runFetch()
            runClients()
        }
    }

    private mutating func runIssuer() {
        if now >= changesAt {
            isDown.toggle()
            changesAt = now + .seconds(Double.random(in: 40...300, using: &random))
        }
        guard now >= publishesAt else { return }
        generation += 1
        // The previous key stays for clients that still have tokens of it.
        published = ["key-\(generation)", "key-\(generation - 1)"]
        publishesAt = now + .seconds(Double.random(in: 70...200, using: &random))
        refusedSince = nil
    }

    private mutating func runFetch() {
        if let end = fetchEndsAt, now >= end {
            fetchEndsAt = nil
            if let fetched {
                known = fetched
                schedule.fetchSucceeded(at: now)
                for search in waiting where !isFound(search) { missing.searchFailed(search, at: now) }
            } else {
                schedule.fetchFailed(at: now)
            }
            let again = joined
            (waiting, joined) = ([], [])
            for search in again where !isFound(search) { requestFetch(search) }
        }
        guard let due = schedule.due, now >= due else { return }
        if schedule.isOnDemand { fetchesOnDemand.append(now) } else { fetchesByTime.append(now) }
        schedule.fetchBegan()
        let latency = Self.maxFetchDuration * Double.random(in: 0.01...1, using: &random)
        fetchEndsAt = now + latency
        // The content of the issuer's response is fixed when the request arrives.
        fetched = isDown ? nil : published
    }

    private mutating func runClients() {
        var guesses = guessesAStep
        while guesses > 0, random.chance(min(1, guesses)) {
            requestFetch(.id("guess-\(random.next())"))
            guesses -= 1
        }
        for client in 0..<staleClients where random.chance(0.02) { requestFetch(.id("stale-\(client)")) }
        guard random.chance(0.1) else { return }
        // Sometimes a token is issued before its key is published.
        let isEarly = publishesAt - now < .seconds(10) && generation % 3 == 0
        let key = isEarly ? "key-\(generation + 1)" : "key-\(generation)"
        if isEarly { wasUsedEarly = true }
        if known.contains(key) {
            if !isEarly, let since = refusedSince {
                delays.append(Delay(refused: now - since, wasUsedEarly: wasUsedEarly))
                (refusedSince, wasUsedEarly) = (nil, false)
            }
            return
        }
        // The key is not available while the issuer is down: the time counts from its recovery.
        if !isEarly { refusedSince = isDown ? nil : refusedSince ?? now }
        requestFetch(.id(key))
    }

    private mutating func requestFetch(_ search: KeySearch) {
        guard !missing.isBackingOff(search, at: now) else { return }
        let isUnderWay = schedule.phase == .fetching
        guard schedule.fetchRequested(at: now) != nil else { return }
        if isUnderWay { joined.append(search) } else { waiting.append(search) }
        // Callers time out eventually; the table of waiting searches is bounded.
        if waiting.count > 1000 { waiting.removeFirst(500) }
        if joined.count > 1000 { joined.removeFirst(500) }
    }

    private func isFound(_ search: KeySearch) -> Bool {
        if case .id(let id) = search { known.contains(id) } else { false }
    }
}
