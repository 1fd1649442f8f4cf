import SimpleAICore
import Testing

@testable import Scheduling

/// The explanation of a placement before the call is made.
@Suite struct ExplainingTests {
    private func explain(_ bench: Bench, _ models: [ModelID], prefer: [MachineType] = [], excluding: Set<RunnerID> = [])
        -> PlacementExplanation
    {
        bench.state.explain(
            PlacementRequest(models: models, preferredMachineTypes: prefer, excluded: excluding), now: bench.now)
    }

    private func reasons(_ explanation: PlacementExplanation) -> [RunnerID: PlacementExplanation.Reason] {
        Dictionary(uniqueKeysWithValues: explanation.candidates.map { ($0.runner.id, $0.reason) })
    }

    @Test func everyRunnerHasItsReason() throws {
        var bench = Bench.ready(
            .serving("free", "m", slots: 2, type: "gpu"), .serving("full", "m"), .serving("other", "n"),
            .serving("down", "m"), .serving("lost", "m"), .serving("asleep", "m", wakes: true),
            .serving("doubted", "m"), .serving("failed", "m"))
        for _ in 0..<8 where bench.active("full") == 0 { _ = try bench.lease(["m"]) }
        bench.refused("down")
        for runner in ["lost", "asleep"] as [RunnerID] { bench.unreachable(runner, times: 3) }
        bench.couldNotConnect("doubted")
        let explanation = explain(bench, ["m"], prefer: ["gpu"], excluding: ["failed"])
        #expect(
            reasons(explanation) == [
                "free": .free, "full": .full, "other": .lacksModel, "down": .down, "lost": .lost, "asleep": .asleep,
                "doubted": .unknown, "failed": .excluded,
            ])
        #expect(explanation.outcome == .served("free", "m"))
        #expect(explanation.expectedWait == .zero)
        let first = try #require(explanation.candidates.first)
        #expect(first.runner.id == "free" && first.rank == 1 && first.tier == 0)
        #expect(first.load == 0.5)
        #expect(explanation.candidates.last?.runner.id == "other")
    }

    @Test func runnersWithoutTheEndpointAreNamed() {
        let bench = Bench.ready(.serving("a", "m"), .serving("b", "m"), .serving("c", "m"), .serving("d", "n"))
        let lost = GatewayError(.endpointNotSupported, "no endpoint")
        for (lacking, excluded, isLacked) in [
            (["a"], ["a", "b"], false), (["a", "b", "c"], ["a", "b", "c"], true),
            (["a", "b"], ["a", "b", "c"], false),
        ] as [(Set<RunnerID>, Set<RunnerID>, Bool)] {
            var request = PlacementRequest(models: ["m"], excluded: excluded)
            request.lackingEndpoint = lacking
            let errors = Dictionary(uniqueKeysWithValues: lacking.map { ($0, lost) })
            let explanation = bench.state.explain(request, now: bench.now).refusing(with: errors)
            for id in ["a", "b", "c", "d"] as [RunnerID] {
                let expected: PlacementExplanation.Reason =
                    id == "d"
                    ? .lacksModel
                    : lacking.contains(id)
                        ? .lacksEndpoint
                        : excluded.contains(id) ? .excluded : .free
                #expect(reasons(explanation)[id] == expected, "\(id)")
            }
            if case .refused(let error) = explanation.outcome {
                #expect((error.code == .endpointNotSupported) == isLacked)
            } else {
                #expect(excluded.count < 3)
            }
        }
    }

    @Test func runnersAreListedInTheOrderOfPlacement() throws {
        var bench = Bench.ready(
            .serving("a", "m", slots: 2), .serving("b", "m", slots: 2), .serving("c", "m", slots: 2, type: "gpu"))
        bench.release(try bench.lease(["m"]))
        let order = explain(bench, ["m"], prefer: ["gpu"]).candidates.map(\.runner.id)
        #expect(order == ["c", "b", "a"])
        #expect(explain(bench, ["m"]).candidates.map(\.rank) == [1, 2, 3])
    }

    @Test func aWakeIsReportedButNotStarted() throws {
        var bench = Bench(.serving("a", "m", wakes: true), .serving("b", "m", wakes: true))
        for runner in ["a", "b"] as [RunnerID] { bench.unreachable(runner, times: 3) }
        let waiter = try bench.waiter(["m"])
        bench.pass(.seconds(12))
        bench.answered("a")
        bench.release(try #require(bench.lease(of: waiter)))
        bench.unreachable("a", times: 3)
        bench.forgetEffects()

        let explanation = explain(bench, ["m"])
        #expect(explanation.outcome == .waitsForWake)
        #expect(explanation.candidates.filter(\.wouldBeWoken).map(\.runner.id) == ["a"])
        #expect(explanation.expectedWait == .seconds(12))
        #expect(explanation.longestWait == .seconds(90))
        #expect(bench.state("a") == .asleep)
        #expect(bench.effects.isEmpty && bench.waiting == 0)

        // Once the wake has begun, the remaining time is shorter.
        _ = try bench.waiter(["m"])
        bench.pass(.seconds(5))
        #expect(explain(bench, ["m"]).expectedWait == .seconds(7))
        #expect(explain(bench, ["m"]).queue == 1)
    }

    @Test func reportsRefusals() {
        let bench = Bench.ready(.serving("a", "m"))
        let exact = PlacementRequest(models: ["x"], isExact: true)
        guard case .refused(let error) = bench.state.explain(exact, now: bench.now).outcome else {
            Issue.record("an unknown model is not refused")
            return
        }
        #expect(error.code == .modelNotFound)
    }

    @Test func aThousandRunnersAreReportedButNotAllPlaced() {
        let runners = (0..<1000).map { Runner.serving(RunnerID("r\($0)"), "m") }
        var bench = Bench(runners)
        for runner in runners { bench.answered(runner.id) }
        let explanation = explain(bench, ["m"])
        #expect(explanation.candidates.count == 1000)
        #expect(explanation.candidates.compactMap(\.rank) == Array(1...PlacementExplanation.maxRanked))
        #expect(explanation.candidates.allSatisfy { $0.isEligible })
    }
}
