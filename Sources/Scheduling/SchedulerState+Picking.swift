import SimpleAICore

/// Chooses the runner for a call by the policy of its class, among the runners that can take a call now and have the
/// model in memory. `findLoad` chooses among the others.
extension SchedulerState {
    typealias Choice = (index: Int, model: ModelID)

    mutating func pick(for request: PlacementRequest) -> Choice? {
        if let only = request.only { return choice(of: only, for: request) }
        return switch request.policy {
        case .leastBusy: leastBusy(for: request)
        case .roundRobin: nextRoundRobin(for: request)
        case .prefixAffinity:
            if let affinity = request.affinity, let choice = closest(to: affinity, for: request) {
                choice
            } else {
                leastBusy(for: request)
            }
        }
    }

    /// The required runner of a call, if it can take the call now.
    private func choice(of runner: RunnerID, for request: PlacementRequest) -> Choice? {
        guard let index = indexByID[runner], table.ranks[index] != .unable, request.allows(runner) else { return nil }
        return request.models.first { serving[$0]?.contains(index) ?? false }.map { (index, $0) }
    }

    mutating func updateRank(ofRunnerAt index: Int) {
        table.setRank(occupancy(ofRunnerAt: index).rank, at: index)
    }

    /// Mutating although it changes nothing: only then is the array element read in place.
    mutating func occupancy(ofRunnerAt index: Int) -> Occupancy {
        records.withUnsafeMutableBufferPointer { $0[index].occupancy }
    }

    private func excludedIndices(_ request: PlacementRequest) -> [Int] {
        request.excluded.isEmpty ? [] : request.excluded.compactMap { indexByID[$0] }
    }

    private mutating func leastBusy(for request: PlacementRequest) -> Choice? {
        let tiers = table.tiers(preferring: request.preferredMachineTypes)
        let excluded = excludedIndices(request)
        return candidates.lowest(of: request.models, serving, table, in: tiers, excluding: excluded)
    }

    /// Runners that could take this call, each once, with the first model that it serves.
    private func able(for request: PlacementRequest) -> [Choice] {
        let excluded = excludedIndices(request)
        var seen: Set<Int> = []
        return request.models.flatMap { model in
            (serving[model] ?? []).compactMap { index -> Choice? in
                guard table.ranks[index] != .unable, !excluded.contains(index), seen.insert(index).inserted
                else { return nil }
                return (index, model)
            }
        }
    }

    /// The next runner after the one that took the last call; a better tier takes precedence.
    private func nextRoundRobin(for request: PlacementRequest) -> Choice? {
        let tiers = table.tiers(preferring: request.preferredMachineTypes)
        let last = lastPicks[request.models] ?? -1
        let count = records.count
        return able(for: request).min { left, right in
            let order = [left, right].map { choice in
                (table.tier(of: choice.index, in: tiers), (choice.index - last - 1 + count) % count)
            }
            return order[0] < order[1]
        }
    }

    /// The runner with the highest rendezvous score for the conversation among those below their share of the load; a
    /// better tier takes precedence.
    private func closest(to conversation: PrefixFingerprint, for request: PlacementRequest) -> Choice? {
        let tiers = table.tiers(preferring: request.preferredMachineTypes)
        let able = able(for: request)
        func capacity(_ index: Int) -> Int { records[index].runner.slots * records[index].runner.weight }
        let total = able.reduce(1) { $0 + records[$1.index].active }
        let totalCapacity = able.reduce(0) { $0 + capacity($1.index) }
        var best: (choice: Choice, tier: Int, score: Double)?
        for choice in able {
            let capacity = capacity(choice.index)
            let limit = Rendezvous.maxCalls(total: total, capacity: capacity, totalCapacity: totalCapacity)
            guard records[choice.index].active < limit else { continue }
            let tier = table.tier(of: choice.index, in: tiers)
            let score = Rendezvous.score(conversation, on: table.fingerprints[choice.index], capacity: capacity)
            if best.map({ tier < $0.tier || tier == $0.tier && score > $0.score }) ?? true {
                best = (choice, tier, score)
            }
        }
        return best?.choice
    }

    /// Chooses an ejected runner if all runners that serve a model are ejected.
    func pickAmongEjected(for request: PlacementRequest) -> Choice? {
        guard !ejected.isEmpty else { return nil }
        for model in request.models {
            let indices = (serving[model] ?? []).filter {
                records[$0].state == .ready && request.allows(records[$0].runner.id)
            }
            // A full runner in service will have a free slot soon.
            guard indices.allSatisfy({ ejected.contains($0) }) else { continue }
            let best = indices.filter { records[$0].hasFreeSlot }.min { records[$0].active < records[$1].active }
            if let best { return (best, model) }
        }
        return nil
    }
}
