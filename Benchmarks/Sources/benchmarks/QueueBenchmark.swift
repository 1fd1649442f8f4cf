import Scheduling
import SimpleAICore

/// A slot becomes free while calls wait for it, and its previous caller sends the next call: the work of every call
/// on a saturated class, by the number of callers.
enum QueueBenchmark {
    static var benchmark: Benchmark {
        let many = Crowd(callers: 64)
        let one = Crowd(callers: 1)
        return Benchmark(
            name: "a turn, 256 wait, of 64 callers", referenceName: "of 1 caller",
            work: (Crowd.turns, many.run), reference: (Crowd.turns, one.run), maxTimesReference: 20)
    }

    private final class Crowd {
        static let turns = 500
        private static let waiting = 256
        /// A call served on one runner counts on the others.
        private static let runners = 4
        private var state = SchedulerState(SchedulerState.Configuration())
        private let requests: [PlacementRequest]
        private var next = 0
        /// One lease on each runner, in the order in which they end.
        private var held: [LeaseID] = []
        private let now = ContinuousClock.now

        init(callers: Int) {
            requests = (0..<callers).map { Self.request(of: "caller-\($0)") }
            for number in 0..<Self.runners {
                let runner = RunnerID("runner-\(number)")
                state.put(Runner(id: runner, slots: 1, statedModels: ["m"]), now: now)
                state.runnerResponded(runner, engineModels: ["m"], now: now)
                guard case .granted(let lease) = state.place(requests[0], now: now) else {
                    preconditionFailure("an idle runner has a free slot")
                }
                held.append(lease.id)
            }
            for _ in 0..<Self.waiting { ask() }
        }

        private static func request(of subject: String) -> PlacementRequest {
            let classes = ClassTable([ModelClass(name: "fast", models: ["m"])], defaultClass: "fast")
            let call = Call(
                id: "benchmark", endpoint: .chatCompletions, request: .byClass("fast"), streams: false,
                wantsUsage: false)
            let caller = Caller(subject: SubjectID(subject), issuer: "https://issuer.test", roles: [], privileges: [])
            do {
                return PlacementRequest(try AccessPolicy(classes: classes).authorize(call, by: caller))
            } catch {
                preconditionFailure("every caller may ask for a class: \(error)")
            }
        }

        private func ask() {
            guard case .waiting = state.place(requests[next % requests.count], now: now) else {
                preconditionFailure("a full runner serves no caller")
            }
            next += 1
        }

        func run() {
            for _ in 0..<Self.turns {
                state.release(held.removeFirst(), outcome: .served, now: now)
                for case .grant(_, let lease) in state.takeEffects() { held.append(lease.id) }
                precondition(held.count == Self.runners, "there is always a caller to serve")
                ask()
            }
        }
    }
}
