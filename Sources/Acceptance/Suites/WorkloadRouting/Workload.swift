/// The calls of one phase of the workload test, with the runner that served each.
struct Workload: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// One successful call whose response names its runner.
    struct Dispatch: Sendable {
        let runner: String
        let start: Instant
        let end: Instant
    }

    let workers: Int
    let calls: [Result<Exchange, RequestFailed>]
    /// In the order of sending.
    let dispatches: [Dispatch]
    let started: Instant
    let ended: Instant

    init(
        workers: Int, calls: [Result<Exchange, RequestFailed>], runnerHeader: String?, started: Instant, ended: Instant
    ) {
        self.workers = workers
        self.calls = calls
        self.started = started
        self.ended = ended
        dispatches = calls.compactMap { call in
            guard let exchange = call.exchange, exchange.isSuccess,
                let runner = ServingRunner(exchange, runnerHeader: runnerHeader).runner
            else { return nil }
            return Dispatch(runner: runner, start: exchange.sent ?? exchange.started, end: exchange.done)
        }
    }

    /// Number of calls that each runner served.
    var counts: [String: Int] { dispatches.reduce(into: [:]) { $0[$1.runner, default: 0] += 1 } }

    /// Completed calls per second.
    var throughput: Double {
        let seconds = (ended - started).inSeconds
        return seconds > 0 ? Double(calls.count { (try? $0.completion.get()) != nil }) / seconds : 0
    }

    /// The counts as text: `r1 4, r2 3, r3 3`.
    var countsInWords: String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}
