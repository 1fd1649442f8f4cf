import SimpleAICore
import Synchronization
import Testing

@testable import Scheduling

/// The shell: a mutex around the state.
@Suite struct SchedulerTests {
    private typealias Answer = Result<Lease, GatewayError>

    private func scheduler(_ runners: Runner...) -> Scheduler {
        var state = SchedulerState()
        for runner in runners { state.add(runner) }
        let start = ContinuousClock.now
        let scheduler = Scheduler(state, now: { start })
        for runner in runners { scheduler.runnerResponded(runner.id, engineModels: nil) }
        return scheduler
    }

    @Test func grantsImmediatelyWithoutResuming() throws {
        let scheduler = scheduler(.serving("a", "m"))
        let placement = scheduler.place(PlacementRequest(models: ["m"])) { _ in Issue.record("resumed") }
        guard case .granted(let lease) = placement else { throw Disappointment() }
        #expect(scheduler.snapshot().leases == 1)
        scheduler.release(lease.id)
        #expect(scheduler.snapshot().leases == 0)
    }

    @Test func resumesOnceUnlessAbandoned() throws {
        let scheduler = scheduler(.serving("a", "m"))
        let request = PlacementRequest(models: ["m"])
        let answers = Mutex<[String]>([])
        guard case .granted(let held) = scheduler.place(request, resume: { _ in }) else { throw Disappointment() }
        var waiters: [WaiterID] = []
        for name in ["first", "second", "third"] {
            let placement = scheduler.place(request) { _ in answers.withLock { $0.append(name) } }
            guard case .waiting(let id, _) = placement else { throw Disappointment() }
            waiters.append(id)
        }
        #expect(scheduler.abandon(waiters[0], of: request))
        #expect(!scheduler.abandon(waiters[0], of: request))
        scheduler.release(held.id)
        #expect(answers.withLock { $0 } == ["second"])
        // Its result was delivered: it cannot be withdrawn any more.
        #expect(!scheduler.abandon(waiters[1], of: request))
        scheduler.runnerRefusedConnection("a")
        #expect(answers.withLock { $0 } == ["second", "third"])
    }

    @Test func resumesOutsideTheLock() throws {
        let scheduler = scheduler(.serving("a", "m"))
        let request = PlacementRequest(models: ["m"])
        guard case .granted(let held) = scheduler.place(request, resume: { _ in }) else { throw Disappointment() }
        let seen = Mutex<Int?>(nil)
        _ = scheduler.place(request) { answer in
            // Under the lock this would never return.
            if case .success(let lease) = answer { scheduler.release(lease.id) }
            seen.withLock { $0 = scheduler.snapshot().leases }
        }
        scheduler.release(held.id)
        #expect(seen.withLock { $0 } == 0)
    }

    /// Performing effects may cause new ones: they are performed after those of earlier decisions.
    @Test func performsEffectsInTheOrderOfTheDecisions() {
        var state = SchedulerState()
        state.add(.serving("a", "m", wakes: true))
        let start = ContinuousClock.now
        let scheduler = Scheduler(state, now: { start })
        let states = Mutex<[RunnerState]>([])
        scheduler.onEffect { effect in
            switch effect {
            case .wakeEnded: scheduler.runnerRefusedConnection("a")
            case .stateChanged(_, _, let to, _): states.withLock { $0.append(to) }
            default: break
            }
        }
        for _ in 0..<3 { scheduler.runnerUnreachable("a", lastContactAt: nil) }
        _ = scheduler.place(PlacementRequest(models: ["m"])) { _ in }
        scheduler.runnerResponded("a", engineModels: nil)
        #expect(states.withLock { $0 } == [.asleep, .waking, .ready, .down])
    }

    @Test func requestsATimer() throws {
        var configuration = SchedulerState.Configuration()
        configuration.queueTimeout = .seconds(7)
        var state = SchedulerState(configuration)
        state.add(Runner(id: "a"))
        let start = ContinuousClock.now
        let clock = Mutex(start)
        let scheduler = Scheduler(state, now: { clock.withLock { $0 } })
        let timers = Mutex<[ContinuousClock.Instant]>([])
        scheduler.onEffect { effect in
            if case .startTimer(let instant) = effect { timers.withLock { $0.append(instant) } }
        }
        let answer = Mutex<GatewayError.Code?>(nil)
        _ = scheduler.place(PlacementRequest(models: ["m"])) { result in
            if case .failure(let error) = result { answer.withLock { $0 = error.code } }
        }
        #expect(timers.withLock { $0 } == [start.advanced(by: .seconds(7))])
        clock.withLock { $0 = start.advanced(by: .seconds(7)) }
        scheduler.timePassed()
        #expect(answer.withLock { $0 } == .noRunnerAvailable)
    }

    @Test(.timeLimit(.minutes(5)))
    func concurrentTasksLoseNoCall() async {
        let scheduler = scheduler(
            .serving("a", "m", "n", slots: 2), .serving("b", "m", slots: 1), .serving("c", "n", slots: 1))
        let seen = Seen()
        scheduler.onEffect { _ in seen.perform() }
        let tallies = await withTaskGroup(of: Hammered.self) { group in
            for worker in 0..<6 {
                group.addTask {
                    await Self.hammer(scheduler, worker: worker, calls: 400) { seen.resumed($0) }
                }
            }
            return await group.reduce(into: Hammered()) { $0.add($1) }
        }
        let snapshot = scheduler.snapshot()
        #expect(snapshot.leases == 0)
        #expect(snapshot.waiting == 0)
        #expect(snapshot.doubleReturns == 0)
        #expect(snapshot.runners.allSatisfy { $0.active == 0 })
        #expect(seen.maxAtOnce == 1)
        let resumed = seen.resumes
        #expect(resumed.values.allSatisfy { $0 == 1 })
        #expect(resumed.count == tallies.resumed)
        #expect(Set(resumed.keys).isDisjoint(with: tallies.abandoned))
        #expect(tallies.served + tallies.refused + tallies.abandoned.count == 6 * 400)
        #expect(tallies.served > 0 && tallies.resumed > 0 && !tallies.abandoned.isEmpty)
    }

    private final class Seen: Sendable {
        private let counts = Mutex((resumes: [Int: Int](), performing: 0, maxAtOnce: 0))

        var resumes: [Int: Int] { counts.withLock { $0.resumes } }
        var maxAtOnce: Int { counts.withLock { $0.maxAtOnce } }

        func resumed(_ call: Int) {
            counts.withLock { $0.resumes[call, default: 0] += 1 }
        }

        func perform() {
            counts.withLock {
                $0.performing += 1
                $0.maxAtOnce = max($0.maxAtOnce, $0.performing)
            }
            counts.withLock { $0.performing -= 1 }
        }
    }

    private struct Hammered {
        var served = 0
        var refused = 0
        var resumed = 0
        var abandoned: Set<Int> = []

        mutating func add(_ other: Hammered) {
            served += other.served
            refused += other.refused
            resumed += other.resumed
            abandoned.formUnion(other.abandoned)
        }
    }

    private static func hammer(
        _ scheduler: Scheduler, worker: Int, calls: Int, onResume: @escaping @Sendable (Int) -> Void
    ) async -> Hammered {
        var random = SeededGenerator(seed: UInt64(worker))
        var tally = Hammered()
        for number in 0..<calls {
            let call = worker * calls + number
            let request = PlacementRequest(models: [["m"], ["n"], ["m", "n"]].randomElement(using: &random) ?? ["m"])
            let (answers, continuation) = AsyncStream<Answer>.makeStream()
            let placement = scheduler.place(request) { answer in
                onResume(call)
                continuation.yield(answer)
                continuation.finish()
            }
            var answer: Answer?
            switch placement {
            case .granted(let lease): answer = .success(lease)
            case .refused(let error): answer = .failure(error)
            case .waiting(let waiter, _):
                if Int.random(in: 0..<3, using: &random) == 0, scheduler.abandon(waiter, of: request) {
                    tally.abandoned.insert(call)
                    continue
                }
                for await resumed in answers { answer = resumed }
                tally.resumed += 1
            }
            // Other tasks run while the slot is in use.
            await Task.yield()
            switch answer {
            case .success(let lease)?:
                tally.served += 1
                // Now and then a runner disconnects and reconnects.
                if Int.random(in: 0..<8, using: &random) == 0 {
                    scheduler.runnerRefusedConnection(lease.runner)
                    scheduler.runnerResponded(lease.runner, engineModels: nil)
                }
                scheduler.release(lease.id)
            case .failure?: tally.refused += 1
            case nil: Issue.record("call \(call) got no answer")
            }
        }
        return tally
    }
}
