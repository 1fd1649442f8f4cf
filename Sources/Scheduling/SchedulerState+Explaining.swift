import SimpleAICore

/// Explains where a call would be placed and why: runs the real placement on a copy of the state and reports its
/// result.
extension SchedulerState {
    public func explain(_ request: PlacementRequest, now: ContinuousClock.Instant) -> PlacementExplanation {
        var trial = self
        trial.effects = []
        let placement = trial.place(request, now: now)
        let woken = trial.effects.compactMap { effect -> RunnerID? in
            if case .wakeStarted(let runner, _) = effect { runner } else { nil }
        }
        let ranks = ranks(for: request)
        let outcome: PlacementExplanation.Outcome
        var longest: Duration?
        switch placement {
        case .granted(let lease): outcome = .served(lease.runner, lease.model)
        case .refused(let error): outcome = .refused(error)
        case .waiting(let id, _):
            let waiter = trial.queue.waiter(id, models: request.models)
            outcome =
                switch waiter?.waitReason {
                case .wake: .waitsForWake
                case .probe: .waitsForProbe
                case .load, .loading: .waitsForLoad
                case .slot, nil: .waitsForSlot
                }
            longest = waiter.map { now.duration(to: $0.deadline) }
        }
        let candidates = trial.records.indices.filter { !records[$0].isLeaving }.map { index in
            candidate(index, trial.records[index], request, rank: ranks[index], woken: woken, now: now)
        }
        return PlacementExplanation(
            outcome: outcome, candidates: candidates.sorted(by: Self.isListedBefore),
            expectedWait: Self.expectedWait(outcome, candidates), longestWait: longest,
            queue: queue.length(for: request.models))
    }

    /// Positions of the runners in the order in which the class's policy would choose them.
    private func ranks(for request: PlacementRequest) -> [Int: Int] {
        var ranks: [Int: Int] = [:]
        var excluded = request.excluded
        // Picking caches candidate lists, so it runs on a copy.
        var trial = self
        while ranks.count < PlacementExplanation.maxRanked {
            let rest = request.excluding(excluded)
            guard let choice = trial.pick(for: rest) ?? trial.pickAmongEjected(for: rest) else { break }
            ranks[choice.index] = ranks.count + 1
            excluded.insert(records[choice.index].runner.id)
        }
        return ranks
    }

    /// - Parameter after: the runner's record after the placement of the call.
    private func candidate(
        _ index: Int, _ after: Record, _ request: PlacementRequest, rank: Int?, woken: [RunnerID],
        now: ContinuousClock.Instant
    ) -> PlacementExplanation.Candidate {
        let record = records[index]
        let model =
            record.firstLoaded(of: request.models) ?? request.models.first { record.models[$0] != nil }
        return PlacementExplanation.Candidate(
            runner: record.runner, state: record.state, model: model,
            isLoaded: model.map(record.hasLoaded) ?? false,
            reason: reason(of: record, model, request, rank: rank, now: now),
            tier: Balancer.tier(of: record.runner.machineType, among: request.preferredMachineTypes),
            active: record.active, rank: rank, bootTime: record.bootTime, wakeETA: after.wakeETA(now: now),
            wouldBeWoken: woken.contains(record.runner.id))
    }

    private func reason(
        of record: Record, _ model: ModelID?, _ request: PlacementRequest, rank: Int?, now: ContinuousClock.Instant
    ) -> PlacementExplanation.Reason {
        guard let model else { return .lacksModel }
        if !request.allows(record.runner.id) { return .excluded }
        switch record.state {
        case .ready where rank != nil: return .free
        case .ready where !record.canServeNow(model): return loadingReason(of: record, model, now: now)
        case .ready where !record.hasFreeSlot: return .full
        case .ready: return record.health.admits ? .free : .ejected
        case .unknown: return .unknown
        case .checking: return .checking
        case .loading: return .loading
        case .waking: return .waking
        case .asleep, .wakeFailed: return record.wakeNotBefore.map { $0 > now } ?? false ? .wakeBackoff : .asleep
        case .down: return .down
        case .lost: return .lost
        }
    }

    private func loadingReason(
        of record: Record, _ model: ModelID, now: ContinuousClock.Instant
    ) -> PlacementExplanation.Reason {
        guard let agent = record.agent, let engineModel = record.models[model] else { return .lacksModel }
        if agent.load != nil { return .loading }
        return agent.loadsNotBefore[engineModel].map { $0 > now } ?? false ? .loadBackoff : .loadable
    }

    private static func isListedBefore(
        _ left: PlacementExplanation.Candidate, _ right: PlacementExplanation.Candidate
    ) -> Bool {
        let order = [left, right].map { candidate in
            (
                candidate.rank ?? .max, candidate.isEligible ? 0 : candidate.model == nil ? 2 : 1, candidate.tier,
                candidate.runner.id
            )
        }
        return order[0] < order[1]
    }

    /// The expected time until the first of the awaited machines can serve; nil for a slot, because the duration of
    /// other calls is unknown.
    private static func expectedWait(
        _ outcome: PlacementExplanation.Outcome, _ candidates: [PlacementExplanation.Candidate]
    ) -> Duration? {
        switch outcome {
        case .served: return .zero
        case .waitsForWake:
            return candidates.filter { $0.wouldBeWoken || $0.reason == .waking }.compactMap(\.wakeETA).min()
        case .waitsForSlot, .waitsForProbe, .waitsForLoad, .refused: return nil
        }
    }
}
