import SimpleAICore
import Synchronization
import Testing

@testable import Scheduling

/// Queries change nothing: no query starts a wake or a load, and none makes the next event copy the state.
@Suite struct QueryTests {
    /// Each kind of wait, with a fleet in which a call would begin it.
    private static let waits: [(prepare: @Sendable () -> Bench, outcome: PlacementExplanation.Outcome)] = [
        (
            {
                var bench = Bench([.serving("a", "m", wakes: true), .serving("b", "m", wakes: true)])
                for runner in ["a", "b"] as [RunnerID] { bench.unreachable(runner, times: 3) }
                return bench
            }, .waitsForWake
        ),
        (
            {
                var bench = Bench()
                bench.joined(Runner(id: "a"), [])
                bench.reported("a", RunnerReport(models: [.init(engineID: "m", isLoaded: false)]))
                return bench
            }, .waitsForLoad
        ),
        ({ Bench([.serving("a", "m")]) }, .waitsForProbe),
        (
            {
                var bench = Bench.ready(.serving("a", "m"))
                _ = bench.place(["m"])
                return bench
            }, .waitsForSlot
        ),
    ]

    @Test(arguments: waits.indices) func anExplanationStartsNothing(row: Int) {
        var bench = Self.waits[row].prepare()
        bench.forgetEffects()
        let request = PlacementRequest(models: ["m"], speculativeWakes: ["b"])
        let (before, wakes) = (bench.state.snapshot(now: bench.now), row == 0 ? 2 : 0)
        for _ in 0..<3 {
            let explanation = bench.state.explain(request, now: bench.now)
            #expect(explanation.outcome == Self.waits[row].outcome)
            #expect(explanation.candidates.count { $0.wouldBeWoken } == wakes)
        }
        #expect(bench.state.snapshot(now: bench.now) == before)
        bench.observe { _, _ in }
        #expect(bench.effects.isEmpty || bench.effects.allSatisfy { if case .startTimer = $0 { true } else { false } })
        // The call itself does what was explained.
        guard case .waiting(_, let machineIsWaking) = bench.place(["m"], together: ["b"]) else {
            Issue.record("the call does not wait")
            return
        }
        #expect(machineIsWaking == (wakes > 0) && bench.wakes().count == wakes)
    }

    @Test func aFullQueueIsExplained() throws {
        var bench = Bench.ready(.serving("a", "m")) { $0.queueLength = 1 }
        _ = try bench.lease(["m"])
        _ = try bench.waiter(["m"])
        let outcome = bench.state.explain(PlacementRequest(models: ["m"]), now: bench.now).outcome
        guard case .refused(let expected) = outcome, case .refused(let error) = bench.place(["m"]) else {
            Issue.record("\(outcome)")
            return
        }
        #expect(expected == error && error.code == .queueFull)
    }

    /// The addresses of the storage that calls change. An event changes it in place unless something else refers to it.
    private static func addresses(_ state: borrowing SchedulerState) -> [UInt] {
        [
            state.records.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) },
            state.placement.table.ranks.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) },
            state.placement.occupancies.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) },
        ]
    }

    private static func fleet(_ now: ContinuousClock.Instant) -> SchedulerState {
        var state = SchedulerState()
        for number in 0..<1000 {
            let id = RunnerID("r\(number)")
            state.put(.serving(id, "m", slots: 9), now: now)
            state.runnerResponded(id, engineModels: nil, now: now)
        }
        return state
    }

    /// An explanation and a snapshot of 1,000 runners are kept while calls are placed and returned.
    @Test func resultsShareNoStorageThatCallsChange() {
        let now = ContinuousClock.now
        var state = Self.fleet(now)
        let request = PlacementRequest(models: ["m"])
        let before = Self.addresses(state)
        let (forecast, view) = (state.forecast(request, now: now), state.view(now: now))
        guard case .granted(let lease) = state.place(request, now: now) else {
            Issue.record("an idle fleet has a free slot")
            return
        }
        state.release(lease.id, outcome: .served, now: now)
        #expect(Self.addresses(state) == before)
        withExtendedLifetime((forecast, view)) {}
    }

    /// While another thread asks for explanations and snapshots, no event finds the state shared.
    @Test func eventsCopyNothingDuringQueries() async {
        let now = ContinuousClock.now
        let shell = SchedulerShell(Self.fleet(now), now: { now })
        let request = PlacementRequest(models: ["m"])
        let isDone = AtomicFlag()
        async let queries: Void = Self.query(shell, request, until: isDone)
        let before = shell.query { state, _ in Self.addresses(state) }
        for _ in 0..<500 {
            let placement = shell.handle { $0.state.place(request, now: $1) }
            if case .granted(let lease) = placement { shell.handle { $0.state.release(lease.id, now: $1) } }
        }
        #expect(shell.query { state, _ in Self.addresses(state) } == before)
        isDone.set()
        await queries
    }

    private static func query(_ shell: SchedulerShell, _ request: PlacementRequest, until isDone: AtomicFlag) async {
        repeat {
            let (forecast, view) = shell.query { ($0.forecast(request, now: $1), $0.view(now: $1)) }
            _ = PlacementExplanation(forecast, view, request)
        } while !isDone.isSet
    }

    private final class AtomicFlag: Sendable {
        private let value = Mutex(false)
        var isSet: Bool { value.withLock { $0 } }
        func set() { value.withLock { $0 = true } }
    }
}
