import SimpleAICore

/// Who can serve what: the runners by id and model, how busy each one is, and which takes the next call.
///
/// Its events keep the ranks and the set of ejected runners up to date, so a choice is correct after any event. The
/// values that a call changes are plain numbers in arrays: placing and returning a call copies no record.
struct PlacementIndex: Sendable {
    /// A runner and the first requested model that it serves.
    typealias Choice = (index: Int, model: ModelID)

    private(set) var indexByID: [RunnerID: Int] = [:]
    /// Ejected runners, including those on trial after an ejection.
    private(set) var ejected: Set<Int> = []
    /// The data that picking reads.
    private(set) var table = PickTable()
    private(set) var ids: [RunnerID] = []
    private(set) var occupancies: [Occupancy] = []
    private var runnersByModel = RunnersByModel()
    private var candidates = CandidateLists()
    /// The runner that took the last call of each set of models, for round robin.
    private(set) var lastPicks: [[ModelID]: Int] = [:]
    private var picks: UInt64 = 0

    // MARK: Queries

    subscript(index: Int) -> Occupancy { occupancies[index] }
    var indices: Range<Int> { occupancies.indices }
    /// Runners that can serve each model without loading it.
    var serving: [ModelID: [Int]] { runnersByModel.serving }
    /// Whether a runner would have to load one of its models first.
    var hasLoadableModels: Bool { !runnersByModel.loadable.isEmpty }
    /// Runners that list a model, loaded or not.
    func runners(listing model: ModelID) -> [Int] { runnersByModel.listing(model) }

    /// The runners that list any of the requested models and that the call permits, ascending.
    func permitted(for request: PlacementRequest) -> [Int] {
        Set(request.models.flatMap(runners(listing:))).sorted().filter { request.allows(ids[$0]) }
    }

    /// When the next ejection ends.
    var nextTrialAt: ContinuousClock.Instant? {
        ejected.lazy.compactMap { occupancies[$0].outliers.ejectedUntil }.min()
    }

    /// Whether the failures of a runner require its ejection.
    func requiresEjection(at index: Int, _ policy: EjectionPolicy) -> Bool {
        guard !occupancies[index].isLeaving else { return false }
        return occupancies[index].outliers.requiresEjection(policy) {
            let readyCount = occupancies.count { $0.state == .ready && !$0.isLeaving }
            return policy.permitsEjection(ejectedCount: ejected.count, readyCount: readyCount)
        }
    }

    // MARK: Events of the roster

    /// - Parameter mayReuseIndex: whether the index of a removed runner may be used again.
    /// - Returns: the index of the runner until it has left.
    mutating func runnerAdded(_ runner: Runner, mayReuseIndex: Bool) -> Int {
        if mayReuseIndex, let vacant = occupancies.firstIndex(where: \.hasLeft) {
            ids[vacant] = runner.id
            occupancies[vacant] = Occupancy(runner)
            table.replace(runner, at: vacant)
            table.setRank(.unable, at: vacant)
            indexByID[runner.id] = vacant
            return vacant
        }
        ids.append(runner.id)
        occupancies.append(Occupancy(runner))
        table.add(runner)
        indexByID[runner.id] = occupancies.count - 1
        return occupancies.count - 1
    }

    mutating func descriptionChanged(_ runner: Runner, at index: Int) {
        table.replace(runner, at: index)
        update(index) { $0.descriptionChanged(runner) }
    }

    /// - Returns: the index that it had.
    mutating func runnerRemoved(_ id: RunnerID) -> Int? {
        guard let index = indexByID.removeValue(forKey: id) else { return nil }
        update(index) { $0.removed() }
        return index
    }

    /// - Parameter models: the models that the runner lists, and whether it serves each without loading it first.
    mutating func modelsChanged(at index: Int, to models: [ModelID: Bool]) {
        if runnersByModel.update(index, to: models) { candidates = CandidateLists() }
    }

    // MARK: Events of runners and calls

    /// Chooses the runner of an arriving call; nil if no runner can take it now. `callBegan` reserves the slot.
    mutating func callArrived(_ request: PlacementRequest) -> Choice? {
        let choice: Choice?
        switch policyChoice(for: request, among: nil) {
        case .decided(let decided): choice = decided
        case .leastBusy:
            let (tiers, excluded) = (
                table.tiers(preferring: request.preferredMachineTypes), indices(excludedBy: request)
            )
            choice = candidates.lowest(of: request.models, serving, table, in: tiers, excluding: excluded)
        }
        guard let choice = choice ?? choiceAmongEjected(for: request) else { return nil }
        if request.policy == .roundRobin { lastPicks[request.models] = choice.index }
        return choice
    }

    mutating func stateChanged(at index: Int, to state: RunnerState) { update(index) { $0.stateChanged(to: state) } }

    /// - Returns: the number of this call, and whether the runner has served a call since it became ready.
    mutating func callBegan(at index: Int) -> (number: UInt64, hasServed: Bool) {
        picks += 1
        let number = picks
        update(index) { $0.callBegan(pick: number) }
        return (number, occupancies[index].outliers.hasServed)
    }

    /// - Returns: whether the outcome ends an ejection or a trial, and whether the engine is loading.
    mutating func callEnded(at index: Int, _ outcome: LeaseOutcome) -> (wasReadmitted: Bool, isLoading: Bool) {
        (update(index) { $0.callEnded(outcome) }, occupancies[index].state == .loading)
    }

    mutating func engineRestarted(at index: Int, hasServed: Bool = false) {
        update(index) { $0.engineRestarted(hasServed: hasServed) }
    }

    mutating func trialStarted(at index: Int) { update(index) { $0.trialStarted() } }

    /// - Returns: for how long.
    mutating func runnerEjected(at index: Int, _ policy: EjectionPolicy, now: ContinuousClock.Instant) -> Duration {
        update(index) { $0.ejected(policy, now: now) }
    }

    /// - Returns: whether the runner's ejection has ended and its trial begins.
    mutating func timePassed(at index: Int, now: ContinuousClock.Instant) -> Bool {
        update(index) { $0.ejectionTimePassed(now: now) }
    }

    private mutating func update<Output>(_ index: Int, _ event: (inout Occupancy) -> Output) -> Output {
        let (output, wasEjected, isEjected, rank) = Self.change(&occupancies[index], event)
        if isEjected, !wasEjected { ejected.insert(index) }
        if wasEjected, !isEjected { ejected.remove(index) }
        table.setRank(rank, at: index)
        return output
    }

    /// Changes one occupancy in place, in a single access to the array.
    private static func change<Output>(
        _ occupancy: inout Occupancy, _ event: (inout Occupancy) -> Output
    ) -> (output: Output, wasEjected: Bool, isEjected: Bool, rank: PlacementRank) {
        let wasEjected = occupancy.isEjected
        let output = event(&occupancy)
        return (output, wasEjected, occupancy.isEjected, occupancy.rank)
    }
}
