import Scheduling
import SimpleAICore

/// Choosing a runner, reserving its slot, and returning it: the work of every call under the scheduler's lock.
enum PickBenchmark {
    static var benchmark: Benchmark {
        let large = Fleet(runners: 1000, models: 200)
        let small = Fleet(runners: 3, models: 3)
        return Benchmark(
            name: "scheduler pick, 1,000 runners", referenceName: "3 runners",
            work: (Fleet.picks, large.run), reference: (Fleet.picks, small.run), maxTimesReference: 5,
            budget: "must ≤ 5 µs, want ≤ 1 µs")
    }

    private final class Fleet {
        static let picks = 500
        private var state = SchedulerState(SchedulerState.Configuration())
        private let request: PlacementRequest
        private let now = ContinuousClock.now

        init(runners: Int, models: Int) {
            let names = (0..<models).map { ModelID("model-\($0)") }
            for number in 0..<runners {
                let id = RunnerID("runner-\(number)")
                let runner = Runner(id: id, slots: 1000, statedModels: [names[number % models]])
                state.put(runner, now: now)
                state.runnerResponded(id, engineModels: [EngineModelID(names[number % models].rawValue)], now: now)
            }
            request = Self.request(forAnyOf: names)
        }

        /// A request for a class with every model in it, so that every runner is a candidate.
        private static func request(forAnyOf models: [ModelID]) -> PlacementRequest {
            let classes = ClassTable([ModelClass(name: "fast", models: models)], defaultClass: "fast")
            let call = Call(
                id: "benchmark", endpoint: .chatCompletions, request: .byClass("fast"), streams: false,
                wantsUsage: false)
            do {
                return PlacementRequest(try AccessPolicy(classes: classes).authorize(call, by: .anonymous))
            } catch {
                preconditionFailure("every caller may ask for a class: \(error)")
            }
        }

        func run() {
            for _ in 0..<Self.picks {
                guard case .granted(let lease) = state.place(request, now: now) else {
                    preconditionFailure("an idle fleet has a free slot")
                }
                state.release(lease.id, outcome: .served, now: now)
            }
        }
    }
}
