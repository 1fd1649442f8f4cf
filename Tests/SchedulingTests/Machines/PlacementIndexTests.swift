import SimpleAICore
import Testing

@testable import Scheduling

/// Each event of the index of runners, and what it means to the next choice.
@Suite struct PlacementIndexTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }
    private static let policy = EjectionPolicy(failures: 1, duration: .seconds(10), maxShare: 1)
    private let request = PlacementRequest(models: ["m"])

    /// Ready runners with the model `m` in memory.
    private func index(_ runners: RunnerID..., slots: Int = 2) -> PlacementIndex {
        var index = PlacementIndex()
        for id in runners {
            let position = index.runnerAdded(Runner(id: id, slots: slots), mayReuseIndex: true)
            index.modelsChanged(at: position, to: ["m": true])
            index.stateChanged(at: position, to: .ready)
        }
        return index
    }

    private func call(_ index: inout PlacementIndex, _ request: PlacementRequest? = nil) -> Int? {
        guard let choice = index.callArrived(request ?? self.request) else { return nil }
        _ = index.callBegan(at: choice.index)
        return choice.index
    }

    // MARK: Calls

    @Test func aCallTakesASlotUntilItEnds() {
        var index = index("a", "b")
        let taken = (0..<4).compactMap { _ in call(&index) }
        #expect(taken == [0, 1, 0, 1])
        #expect(call(&index) == nil && index.choice(for: request) == nil)
        _ = index.callEnded(at: 1, .served)
        #expect(index[1].active == 1 && index.choice(for: request)?.index == 1)
    }

    @Test func callsAreNumberedAndStateWhetherTheirRunnerHasServed() {
        var index = index("a")
        #expect(index.callBegan(at: 0) == (1, false))
        #expect(index.callEnded(at: 0, .served) == (false, false))
        #expect(index.callBegan(at: 0) == (2, true))
        index.engineRestarted(at: 0)
        #expect(index.callBegan(at: 0) == (3, false))
        #expect(index[0].hasServed, "since it was added")
    }

    /// A choice alone reserves nothing, except that round robin continues after it.
    @Test func roundRobinContinuesAfterTheLatestChoice() {
        var index = index("a", "b", "c", slots: 9)
        let request = PlacementRequest(models: ["m"], policy: .roundRobin)
        #expect((0..<5).map { _ in index.callArrived(request)?.index } == [0, 1, 2, 0, 1])
        #expect(index.ranking(for: request, max: 9).map(\.index) == [2, 0, 1])
    }

    @Test func onlyARunnerThatServesTheModelIsChosen() {
        var index = index("a", "b")
        index.modelsChanged(at: 0, to: ["m": false])
        #expect(index.hasLoadableModels && index.runners(listing: "m") == [1, 0])
        #expect(index.choice(for: request)?.index == 1)
        index.modelsChanged(at: 1, to: ["other": true])
        #expect(index.choice(for: request) == nil)
        #expect(index.permitted(for: request) == [0])
        #expect(index.permitted(for: PlacementRequest(models: ["m"], excluded: ["a"])).isEmpty)
    }

    // MARK: States

    @Test(arguments: RunnerState.allCases) func onlyAReadyRunnerIsChosen(_ state: RunnerState) {
        var index = index("a")
        index.stateChanged(at: 0, to: state)
        #expect((index.choice(for: request) != nil) == (state == .ready))
    }

    @Test func anEngineThatLoadsTakesOneTrialCall() {
        var index = index("a")
        index.stateChanged(at: 0, to: .loading)
        index.trialStarted(at: 0)
        #expect(call(&index) == 0 && call(&index) == nil)
        #expect(index.callEnded(at: 0, .loading) == (false, true))
        #expect(index.ejected.isEmpty, "a trial of a loading engine is no ejection")
        index.stateChanged(at: 0, to: .ready)
        #expect(index[0].outliers.isInService && index.ejected.isEmpty)
    }

    // MARK: Ejections

    @Test func anEjectedRunnerIsChosenOnlyIfNoOtherServes() {
        var index = index("a", "b")
        #expect(index.runnerEjected(at: 0, Self.policy, now: Self.at(0)) == .seconds(10))
        #expect(index.ejected == [0] && index.nextTrialAt == Self.at(10))
        #expect((0..<2).map { _ in call(&index) } == [1, 1])
        #expect(call(&index) == nil, "b will have a free slot soon")
        index.stateChanged(at: 1, to: .down)
        #expect(call(&index) == 0)
    }

    @Test func aTrialFollowsTheEjection() {
        var index = index("a", "b")
        _ = index.runnerEjected(at: 0, Self.policy, now: Self.at(0))
        #expect(!index.timePassed(at: 0, now: Self.at(9)) && !index.timePassed(at: 1, now: Self.at(99)))
        #expect(index.timePassed(at: 0, now: Self.at(10)) == true)
        #expect(index.ejected == [0] && index.nextTrialAt == nil)
        #expect(call(&index) == 0 && call(&index) == 1)
        #expect(index.callEnded(at: 0, .served) == (true, false))
        #expect(index.ejected.isEmpty)
    }

    @Test func aRestartOrALoadEndsTheEjection() {
        for event in 0..<2 {
            var index = index("a", "b")
            _ = index.runnerEjected(at: 0, Self.policy, now: Self.at(0))
            if event == 0 { index.engineRestarted(at: 0) } else { index.stateChanged(at: 0, to: .loading) }
            #expect(index.ejected.isEmpty && index[0].outliers.isInService)
        }
    }

    @Test func theShareOfReadyRunnersLimitsEjections() {
        var index = index("a", "b", "c")
        let half = EjectionPolicy(failures: 1, duration: .seconds(10), maxShare: 0.5)
        for runner in 0..<3 {
            _ = index.callBegan(at: runner)
            _ = index.callEnded(at: runner, .failed)
        }
        #expect(index.requiresEjection(at: 0, half))
        _ = index.runnerEjected(at: 0, half, now: Self.at(0))
        #expect(!index.requiresEjection(at: 1, half), "one of three is the most")
        #expect(index.requiresEjection(at: 1, Self.policy))
        _ = index.runnerRemoved("b")
        #expect(!index.requiresEjection(at: 1, Self.policy), "it is leaving")
    }

    // MARK: Roster

    @Test func aRemovedRunnerFinishesItsCallsAndThenGivesItsIndexBack() {
        var index = index("a")
        _ = call(&index)
        #expect(index.runnerRemoved("a") == 0 && index.runnerRemoved("a") == nil)
        #expect(index.choice(for: request) == nil && !index[0].hasLeft)
        #expect(index.runnerAdded(Runner(id: "b"), mayReuseIndex: true) == 1)
        #expect(index.callEnded(at: 0, .failed) == (false, false) && index[0].hasLeft)
        #expect(index.runnerAdded(Runner(id: "c"), mayReuseIndex: false) == 2)
        #expect(index.runnerAdded(Runner(id: "d"), mayReuseIndex: true) == 0)
        #expect(index.indexByID == ["b": 1, "c": 2, "d": 0])
        #expect(index[0].state == .unknown && index[0].active == 0 && !index[0].isLeaving)
    }

    /// The outcome of its last calls decides nothing.
    @Test func aRunnerThatIsLeavingIsNotReadmitted() {
        var index = index("a")
        _ = index.runnerEjected(at: 0, Self.policy, now: Self.at(0))
        #expect(index.timePassed(at: 0, now: Self.at(10)) == true)
        #expect(call(&index) == 0)
        _ = index.runnerRemoved("a")
        #expect(index.callEnded(at: 0, .served) == (false, false))
        #expect(!index[0].hasServed && index[0].hasLeft)
    }

    @Test func anEjectionEndsWithTheRemoval() {
        var index = index("a")
        _ = index.runnerEjected(at: 0, Self.policy, now: Self.at(0))
        _ = index.runnerRemoved("a")
        #expect(index.ejected.isEmpty)
    }

    @Test func aNewDescriptionAppliesToTheNextChoice() {
        var index = index("a", slots: 1)
        _ = call(&index)
        #expect(index.choice(for: request) == nil)
        index.descriptionChanged(Runner(id: "a", slots: 2, machineType: "gpu"), at: 0)
        #expect(index.choice(for: request)?.index == 0)
        index.descriptionChanged(Runner(id: "a", slots: 1), at: 0)
        #expect(index.choice(for: request) == nil)
    }

    /// In any order of events: ranks and ejected runners follow the occupancies, and the cached choice of an arriving
    /// call is the choice of the query.
    @Test(arguments: 0..<10) func invariantsHoldInAnyOrderOfEvents(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var index = PlacementIndex()
        let ids = (0..<40).map { RunnerID("r\($0)") }
        var calls: [Int] = []
        var (second, granted) = (0, 0)
        for step in 0..<1000 {
            second += Int.random(in: 0..<2, using: &random)
            let position = index.indices.isEmpty ? 0 : Int.random(in: index.indices, using: &random)
            let isHere = !index.indices.isEmpty && !index[position].isLeaving
            switch step < 40 ? 0 : Int.random(in: 0..<14, using: &random) {
            case 0:
                guard let id = ids.first(where: { index.indexByID[$0] == nil }) else { continue }
                let type: MachineType = .random(using: &random) ? "gpu" : "cpu"
                let added = index.runnerAdded(Runner(id: id, slots: 3, machineType: type), mayReuseIndex: true)
                index.modelsChanged(at: added, to: ["m": true, "n": .random(using: &random)])
                index.stateChanged(at: added, to: .ready)
            case 1 where isHere && Int.random(in: 0..<9, using: &random) == 0:
                if let id = index.indexByID.first(where: { $0.value == position })?.key { _ = index.runnerRemoved(id) }
                index.modelsChanged(at: position, to: [:])
            case 2 where isHere:
                index.stateChanged(at: position, to: RunnerState.allCases.randomElement(using: &random) ?? .ready)
            case 3 where isHere: index.stateChanged(at: position, to: .ready)
            case 4 where isHere: index.modelsChanged(at: position, to: ["m": .random(using: &random), "n": true])
            case 5 where isHere: _ = index.runnerEjected(at: position, Self.policy, now: Self.at(second))
            case 6 where isHere: _ = index.timePassed(at: position, now: Self.at(second))
            case 7 where isHere: index.engineRestarted(at: position)
            case 8, 9:
                guard let ended = calls.indices.randomElement(using: &random) else { continue }
                let outcome: LeaseOutcome = [.served, .failed, .undecided].randomElement(using: &random) ?? .served
                _ = index.callEnded(at: calls.remove(at: ended), outcome)
            default:
                let request = PlacementRequest(
                    models: .random(using: &random) ? ["m"] : ["n", "m"],
                    preferredMachineTypes: .random(using: &random) ? [] : ["gpu"],
                    policy: PlacementPolicy.allCases.randomElement(using: &random) ?? .leastBusy,
                    affinity: PrefixFingerprint("\(step)".utf8))
                let expected = index.choice(for: request)
                let choice = index.callArrived(request)
                #expect(choice?.index == expected?.index && choice?.model == expected?.model)
                guard let choice else { continue }
                _ = index.callBegan(at: choice.index)
                calls.append(choice.index)
                granted += 1
            }
            let isConsistent = index.indices.allSatisfy { position in
                let occupancy = index[position]
                return index.table.ranks[position] == occupancy.rank
                    && index.ejected.contains(position) == occupancy.isEjected
                    && occupancy.active == calls.count { $0 == position }
            }
            #expect(isConsistent)
        }
        #expect(granted > 50)
    }
}
