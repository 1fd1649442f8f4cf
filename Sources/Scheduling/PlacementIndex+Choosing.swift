import SimpleAICore

/// Chooses the runner for a call by the policy of its class, among the runners that can take a call now and have the
/// model in memory. These are queries: `callArrived` chooses the same runner, with a cache.
extension PlacementIndex {
    enum PolicyChoice {
        case decided(Choice?)
        case leastBusy
    }

    /// The runner that the call would get now; nil if no runner can take it.
    func choice(for request: PlacementRequest) -> Choice? { ranking(for: request, max: 1).first }

    /// The runners that could take the call, in the order in which the policy would choose them.
    func ranking(for request: PlacementRequest, max: Int) -> [Choice] {
        var candidates = CandidateLists()
        let tiers = table.tiers(preferring: request.preferredMachineTypes)
        var able = request.policy == .leastBusy ? [] : able(for: request)
        var excluded = indices(excludedBy: request)
        var remaining = request
        var ranking: [Choice] = []
        while ranking.count < max {
            let choice: Choice?
            switch policyChoice(for: remaining, among: able) {
            case .decided(let decided): choice = decided
            case .leastBusy:
                choice = candidates.lowest(of: request.models, serving, table, in: tiers, excluding: excluded)
            }
            guard let choice = choice ?? choiceAmongEjected(for: remaining) else { break }
            ranking.append(choice)
            excluded.append(choice.index)
            able.removeAll { $0.index == choice.index }
            remaining = remaining.excluding(remaining.excluded.union([ids[choice.index]]))
        }
        return ranking
    }

    /// The choice of the policies that do not compare ranks.
    /// - Parameter able: the runners that could take the call; nil to look them up.
    func policyChoice(for request: PlacementRequest, among able: [Choice]?) -> PolicyChoice {
        if let only = request.only { return .decided(choice(of: only, for: request)) }
        switch request.policy {
        case .leastBusy: return .leastBusy
        case .roundRobin: return .decided(nextRoundRobin(for: request, among: able ?? self.able(for: request)))
        case .prefixAffinity:
            guard let affinity = request.affinity,
                let choice = closest(to: affinity, for: request, among: able ?? self.able(for: request))
            else { return .leastBusy }
            return .decided(choice)
        }
    }

    func indices(excludedBy request: PlacementRequest) -> [Int] {
        request.excluded.isEmpty ? [] : request.excluded.compactMap { indexByID[$0] }
    }

    /// The required runner of a call, if it can take the call now.
    private func choice(of runner: RunnerID, for request: PlacementRequest) -> Choice? {
        guard let index = indexByID[runner], table.ranks[index] != .unable, request.allows(runner) else { return nil }
        return request.models.first { serving[$0]?.contains(index) ?? false }.map { (index, $0) }
    }

    /// Runners that could take this call, each once, with the first model that it serves.
    private func able(for request: PlacementRequest) -> [Choice] {
        let excluded = indices(excludedBy: request)
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
    private func nextRoundRobin(for request: PlacementRequest, among able: [Choice]) -> Choice? {
        let tiers = table.tiers(preferring: request.preferredMachineTypes)
        let last = lastPicks[request.models] ?? -1
        let count = indices.count
        func order(_ index: Int) -> (tier: Int, distance: Int) {
            (table.tier(of: index, in: tiers), (index - last - 1 + count) % count)
        }
        return able.min { order($0.index) < order($1.index) }
    }

    /// The runner with the highest rendezvous score for the conversation among those below their share of the load; a
    /// better tier takes precedence.
    private func closest(
        to conversation: PrefixFingerprint, for request: PlacementRequest, among able: [Choice]
    ) -> Choice? {
        let tiers = table.tiers(preferring: request.preferredMachineTypes)
        let total = able.reduce(1) { $0 + self[$1.index].active }
        let totalCapacity = able.reduce(0) { $0 + self[$1.index].capacity }
        var best: (choice: Choice, tier: Int, score: Double)?
        for choice in able {
            let occupancy = self[choice.index]
            let limit = Rendezvous.maxCalls(
                total: total, capacity: occupancy.capacity, totalCapacity: totalCapacity)
            guard occupancy.active < limit else { continue }
            let tier = table.tier(of: choice.index, in: tiers)
            let score = Rendezvous.score(
                conversation, on: table.fingerprints[choice.index], capacity: occupancy.capacity)
            if best.map({ tier < $0.tier || tier == $0.tier && score > $0.score }) ?? true {
                best = (choice, tier, score)
            }
        }
        return best?.choice
    }

    /// Chooses an ejected runner if all runners that serve a model are ejected.
    func choiceAmongEjected(for request: PlacementRequest) -> Choice? {
        guard !ejected.isEmpty else { return nil }
        for model in request.models {
            let indices = (serving[model] ?? []).filter { self[$0].state == .ready && request.allows(ids[$0]) }
            // A full runner in service will have a free slot soon.
            guard indices.allSatisfy({ ejected.contains($0) }) else { continue }
            let best = indices.filter { self[$0].hasFreeSlot }.min { self[$0].active < self[$1].active }
            if let best { return (best, model) }
        }
        return nil
    }
}
