import Foundation
import Logging
import SimpleAICore
import Synchronization

/// Keeps one issuer's keys current. Only `run` fetches, one document at a time: callers can request a fetch and wait for its
/// end, but can neither start a second one nor cancel one by disconnecting.
final class KeySource: Sendable {
    /// The settings of a key source. Entries with the same values share one source.
    struct Configuration: Hashable, Sendable {
        let issuer: IssuerID
        let location: IssuerConfiguration.Keys
        let authoritiesFile: String
        let tokenFile: String
        let algorithms: [SignatureAlgorithm]
        let refreshInterval: Duration
        let refreshCooldown: Duration

        init(_ issuer: IssuerConfiguration) {
            self.issuer = issuer.issuer
            location = issuer.keys
            authoritiesFile = issuer.authoritiesFile
            tokenFile = issuer.keyTokenFile
            algorithms = issuer.algorithms
            refreshInterval = issuer.refreshInterval
            refreshCooldown = issuer.refreshCooldown
        }
    }

    struct Status: Sendable {
        /// The last valid keys; nil until the first success.
        var keys: KeySet?
        var lastRefresh: Date?
        /// Nil after a success.
        var lastError: KeySourceFault?
        var isRunning = false
        /// Number of completed fetches, successful or not.
        var fetchesEnded = 0
        var fetchesFailed = 0
    }

    private struct State {
        var status = Status()
        var schedule: RefreshSchedule
        var failedSearches: FailedKeySearches
        /// Counts the changes of the status, so that no change is missed between reading and waiting.
        var revision = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        /// Number of calls that wait for a fetch that is not due yet.
        var deferredSearches = 0
        var nextWaiter = 0
    }

    let configuration: Configuration
    private let limits: KeyFetchLimits
    private let logger: Logger
    private let wallClock: @Sendable () -> Date
    private let refreshSignal = AsyncSignal()
    private let state: Mutex<State>

    init(
        _ configuration: Configuration, limits: KeyFetchLimits, logger: Logger,
        wallClock: @escaping @Sendable () -> Date
    ) {
        self.configuration = configuration
        self.limits = limits
        self.wallClock = wallClock
        var logger = logger
        logger[metadataKey: "issuer"] = "\(configuration.issuer)"
        self.logger = logger
        let every =
            if case .file = configuration.location { min(limits.filePollInterval, configuration.refreshInterval) } else
            {
                configuration.refreshInterval
            }
        state = Mutex(
            State(
                schedule: RefreshSchedule(
                    every: every, cooldown: configuration.refreshCooldown,
                    firstRetry: limits.firstRetry, lastRetry: limits.lastRetry),
                failedSearches: FailedKeySearches(
                    firstPause: limits.firstSearchPause
                        ?? RefreshSchedule.requestedFetchInterval(of: configuration.refreshCooldown),
                    lastPause: min(configuration.refreshInterval, configuration.refreshCooldown * 2))))
    }

    var status: Status { state.withLock { $0.status } }
    var keys: KeySet? { state.withLock { $0.status.keys } }
    /// Number of tasks that wait for a change of status.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Suggested wait until keys may be available: whole seconds, 1 to 60.
    var retryAfter: Duration {
        let due = state.withLock { $0.schedule.due }
        let seconds = due.map { ($0 - .now).components.seconds + 1 } ?? 1
        return .seconds(min(max(seconds, 1), 60))
    }

    /// Returns the keys after a fetch, requested because the current keys do not verify a token. Returns the current keys
    /// immediately if a recent search failed, `run` has ended, or the fetch is due too late to wait for.
    /// - Parameter isFound: whether a key set contains the key.
    func keys(searchingFor search: KeySearch, isFound: (KeySet) -> Bool) async -> KeySet? {
        // The response of a fetch in progress may be older than the key, so one more fetch may follow.
        for _ in 0..<2 {
            guard let (fetchesEnded, wasFetching, isDeferred) = requestFetch(search) else { break }
            let status = await waitForStatus { !$0.isRunning || $0.fetchesEnded > fetchesEnded }
            if isDeferred { state.withLock { $0.deferredSearches -= 1 } }
            guard status.fetchesEnded > fetchesEnded, let keys = status.keys, !isFound(keys) else { break }
            if wasFetching { continue }
            // Only a successful fetch proves that the issuer does not publish the key.
            if status.lastError == nil { state.withLock { $0.failedSearches.searchFailed(search, at: .now) } }
            break
        }
        return keys
    }

    /// Requests a fetch, unless the search failed recently.
    /// - Returns: the fetch to wait for; nil if the search must not wait.
    private func requestFetch(_ search: KeySearch) -> (fetchesEnded: Int, wasFetching: Bool, isDeferred: Bool)? {
        let (request, wait) = state.withLock {
            state -> (RefreshSchedule.FetchRequest?, (fetchesEnded: Int, wasFetching: Bool, isDeferred: Bool)?) in
            let now = ContinuousClock.now
            let wasFetching = state.schedule.phase == .fetching
            guard !state.failedSearches.isBackingOff(search, at: now),
                let request = state.schedule.fetchRequested(at: now)
            else {
                return (nil, nil)
            }
            let isDeferred = request.dueAt > now
            if isDeferred {
                guard request.dueAt - now <= limits.maxSearchWait, state.deferredSearches < limits.maxDeferredSearches
                else { return (request, nil) }
                state.deferredSearches += 1
            }
            return (request, (state.status.fetchesEnded, wasFetching, isDeferred))
        }
        if request?.isBroughtForward ?? false { refreshSignal.signal() }
        return wait
    }

    /// The first status that meets the condition, or the current one if the task is cancelled.
    func waitForStatus(when isMet: (Status) -> Bool) async -> Status {
        while true {
            let (status, revision) = state.withLock { ($0.status, $0.revision) }
            if isMet(status) || Task.isCancelled { return status }
            await waitForChange(since: revision)
        }
    }

    /// Keeps the keys current until the task is cancelled. Runs at most once at a time.
    func run(fetcher: DocumentFetcher) async {
        update {
            $0.status.isRunning = true
            $0.schedule.started(at: .now)
        }
        var reader = KeyDocumentReader(source: configuration, fetcher: fetcher)
        while !Task.isCancelled {
            guard let due = state.withLock({ $0.schedule.due }) else { break }
            if due > .now {
                await pause(until: due)
            } else {
                await fetch(with: &reader)
            }
        }
        update {
            $0.status.isRunning = false
            $0.schedule.stopped()
        }
    }

    private func fetch(with reader: inout KeyDocumentReader) async {
        let (isOnDemand, known) = state.withLock {
            $0.schedule.fetchBegan()
            return ($0.schedule.isOnDemand, $0.status.keys)
        }
        do throws(KeySourceFault) {
            guard let document = try await reader.read(isOnDemand: isOnDemand) else {
                update {
                    $0.schedule.fetchSucceeded(at: .now)
                    $0.status.lastRefresh = wallClock()
                    $0.status.fetchesEnded += 1
                }
                return
            }
            let keys = try KeySet(
                document: document, algorithms: configuration.algorithms, known: known?.keys ?? [])
            replace(known, by: keys)
        } catch {
            // Cancelled: the end of `run` reports it.
            if Task.isCancelled { return }
            update {
                $0.schedule.fetchFailed(at: .now)
                $0.status.lastError = error
                $0.status.fetchesEnded += 1
                $0.status.fetchesFailed += 1
            }
            logger.warning(
                "Issuer key refresh failed",
                metadata: ["cause": "\(error)", "keys_known": "\(known?.keys.count ?? 0)"])
        }
    }

    private func replace(_ known: KeySet?, by keys: KeySet) {
        let withdrawn = known?.keys.filter { !keys.contains($0) } ?? []
        // Before the update: a verification with the new keys must not find a cached token that an old key signed.
        for key in withdrawn { key.withdraw() }
        update {
            $0.schedule.fetchSucceeded(at: .now)
            $0.status.keys = keys
            $0.status.lastRefresh = wallClock()
            $0.status.lastError = nil
            $0.status.fetchesEnded += 1
        }
        let added = keys.keys.count - (known?.keys.count ?? 0) + withdrawn.count
        if added > 0 || !withdrawn.isEmpty {
            logger.info(
                "Issuer keys changed",
                metadata: [
                    "keys": "\(keys.keys.count)", "added": "\(added)", "withdrawn": "\(withdrawn.count)",
                ])
        }
        if keys.skipped != known?.skipped {
            for key in keys.skipped {
                logger.notice(
                    "Issuer key ignored",
                    metadata: ["position": "\(key.position)", "reason": "\(key.problem.rawValue)"])
            }
        }
    }

    private func pause(until due: ContinuousClock.Instant) async {
        await withTaskGroup { group in
            group.addTask {
                do {
                    try await ContinuousClock().sleep(until: due)
                } catch {
                    // Cancelled, because the signal arrived first or the service ends.
                }
            }
            group.addTask { await self.refreshSignal.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func update(_ change: (inout State) -> Void) {
        let waiters = state.withLock { state in
            change(&state)
            state.revision += 1
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Returns when the revision has changed, or when the task is cancelled.
    private func waitForChange(since revision: Int) async {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.revision != revision || Task.isCancelled { return true }
                    state.waiters[waiter] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume()
        }
    }
}
