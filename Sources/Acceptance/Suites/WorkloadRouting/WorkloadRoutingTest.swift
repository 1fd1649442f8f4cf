/// Load balancing: every call is served, and not all by one machine.
struct WorkloadRoutingTest: AcceptanceTest {
    static let name = TestName.workloadRouting

    let session: Session
    private let listed = Once<ModelList>()
    private let warmedUp = Once<Set<String>>()
    private let parallel = Once<Workload>()
    private let sequence = Once<Workload>()

    init(session: Session) { self.session = session }

    var options: SuiteOptions.WorkloadRouting { session.options.workloadRouting }
    var target: String { options.model }

    /// Number of runners that could have served, and the source of that number.
    struct RunnerCount: Sendable {
        let count: Int
        let isStated: Bool
        let origin: String
    }

    func list() async throws -> ModelList {
        try await listed.value {
            // After the warm-up: the list then counts machines that have just woken.
            _ = try await warmUp()
            return try await session.modelList(as: try await session.credential(for: target))
        }
    }

    /// The runners seen during the warm-up, which ends when all are seen or after five calls for each.
    func warmUp() async throws -> Set<String> {
        try await warmedUp.value {
            let caller = try await session.credential(for: target)
            var seen: Set<String> = []
            var calls = 0
            var expected = options.runners ?? 2
            while calls < 5 * expected, seen.count < expected {
                session.progress("warming up, call \(calls + 1), \(seen.count) runners seen")
                let exchange = try await session.chat(target, as: caller)
                calls += 1
                if calls == 1, options.runners == nil {
                    expected = try await session.modelList(as: caller).runnersReady(for: target) ?? expected
                }
                guard let runner = ServingRunner(exchange, runnerHeader: options.runnerHeader).runner else { break }
                seen.insert(runner)
            }
            return seen
        }
    }

    /// The main load: `--requests` calls, at most `--workers` at a time.
    func load() async throws -> Workload {
        try await parallel.value {
            _ = try await warmUp()
            let load = try await run(requests: try await requests(), workers: options.workers)
            let isNamed = options.targetSource == .named
            if let unusableTarget = try await session.usabilityProblem(
                of: target, isNamed: isNamed, calls: load.calls, list: try await list())
            {
                throw Finding.skip(unusableTarget.text)
            }
            return load
        }
    }

    /// The operator's number of calls, or else enough to judge the known runners.
    private func requests() async throws -> Int {
        if let requests = options.requests { return requests }
        let seen = try await warmUp().count
        if let stated = options.runners { return Coverage.decisiveRequests(runners: stated) }
        let ready = try await list().runnersReady(for: target)
        return Coverage.decisiveRequests(runners: ready ?? seen)
    }

    /// The same number of calls, one after the other.
    func sequential() async throws -> Workload {
        try await sequence.value {
            _ = try await warmUp()
            return try await run(requests: try await load().calls.count, workers: 1)
        }
    }

    /// Number of runners that can serve: from the operator, the model list, or observation.
    func runnerCount() async throws -> RunnerCount {
        if let stated = options.runners { return RunnerCount(count: stated, isStated: true, origin: "--runners") }
        if let ready = try await list().runnersReady(for: target) {
            return RunnerCount(count: ready, isStated: true, origin: "runners_ready in the model list")
        }
        let seen = Set(try await load().counts.keys).union(try await warmUp())
        return RunnerCount(count: seen.count, isStated: false, origin: "the observed runners")
    }

    private func run(requests count: Int, workers: Int) async throws -> Workload {
        let caller = try await session.credential(for: target)
        let requests = try (0..<count).map { _ in try session.chatRequest(target, as: caller) }
        let started = ContinuousClock.now
        let calls = try await withThrowingTaskGroup(of: (Int, Result<Exchange, RequestFailed>).self) { group in
            var results = [Int: Result<Exchange, RequestFailed>]()
            var next = 0
            func sendNext() {
                guard next < requests.count else { return }
                let index = next
                next += 1
                group.addTask { (index, try await session.outcome(of: requests[index])) }
            }
            for _ in 0..<min(workers, count) { sendNext() }
            while let (index, result) = try await group.next() {
                results[index] = result
                session.progress("\(results.count) of \(count) calls, at most \(workers) at a time")
                sendNext()
            }
            return requests.indices.compactMap { results[$0] }
        }
        return Workload(
            workers: workers, calls: calls, runnerHeader: options.runnerHeader, started: started, ended: .now)
    }
}
