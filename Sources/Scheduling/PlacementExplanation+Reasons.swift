public import SimpleAICore

extension PlacementExplanation {
    init(_ forecast: PlacementForecast, _ view: SchedulerView, _ request: PlacementRequest) {
        let candidates = view.runners.map { Candidate($0, forecast, request) }
        self.init(
            outcome: forecast.outcome, candidates: candidates.sorted(by: Candidate.isListedBefore),
            expectedWait: Self.expectedWait(forecast.outcome, candidates), longestWait: forecast.longestWait,
            queue: forecast.queueLength)
    }

    /// The expected time until the first of the awaited machines can serve; nil for a slot, because the duration of
    /// other calls is unknown.
    private static func expectedWait(_ outcome: Outcome, _ candidates: [Candidate]) -> Duration? {
        switch outcome {
        case .served: return .zero
        case .waitsForWake:
            return candidates.filter { $0.wouldBeWoken || $0.reason == .waking }.compactMap(\.wakeETA).min()
        case .waitsForSlot, .waitsForProbe, .waitsForLoad, .refused: return nil
        }
    }
}

extension PlacementExplanation {
    /// The same placement; a call that is refused because no runner with the model serves its endpoint gets an error that
    /// states so.
    /// - Parameter errors: of the runners that lack the endpoint.
    public func refusing(with errors: [RunnerID: GatewayError]) -> PlacementExplanation {
        guard case .refused(let error) = outcome, error.code == .noRunnerAvailable,
            candidates.allSatisfy({ $0.model == nil || $0.reason == .lacksEndpoint }),
            let known = errors.min(by: { $0.key < $1.key })?.value
        else { return self }
        return PlacementExplanation(
            outcome: .refused(known), candidates: candidates, expectedWait: expectedWait, longestWait: longestWait,
            queue: queue)
    }
}

extension PlacementExplanation.Candidate {
    fileprivate init(
        _ view: SchedulerView.RunnerView, _ forecast: PlacementForecast, _ request: PlacementRequest
    ) {
        let model =
            request.models.first(where: view.canServeNow) ?? request.models.first { view.models[$0] != nil }
        let rank = forecast.ranks[view.index]
        let wouldBeWoken = forecast.woken.contains(view.index)
        self.init(
            runner: view.runner, state: view.occupancy.state, model: model,
            isLoaded: model.map(view.hasLoaded) ?? false,
            reason: Self.reason(of: view, model, request, rank: rank),
            tier: Balancer.tier(of: view.runner.machineType, among: request.preferredMachineTypes),
            active: view.occupancy.active, rank: rank, bootTime: view.bootTime,
            wakeETA: wouldBeWoken ? view.bootTime.mean : view.wakeETA, wouldBeWoken: wouldBeWoken)
    }

    private static func reason(
        of view: SchedulerView.RunnerView, _ model: ModelID?, _ request: PlacementRequest, rank: Int?
    ) -> PlacementExplanation.Reason {
        guard let model else { return .lacksModel }
        if request.lackingEndpoint.contains(view.runner.id) { return .lacksEndpoint }
        if !request.allows(view.runner.id) { return .excluded }
        switch view.occupancy.state {
        case .ready where rank != nil: return .free
        case .ready where !view.canServeNow(model): return loadingReason(of: view, model)
        case .ready where !view.occupancy.hasFreeSlot: return .full
        case .ready: return view.occupancy.outliers.admits ? .free : .ejected
        case .unknown: return .unknown
        case .checking: return .checking
        case .loading: return .loading
        case .waking: return .waking
        case .asleep, .wakeFailed: return view.isWakeBackingOff ? .wakeBackoff : .asleep
        case .down: return .down
        case .lost: return .lost
        }
    }

    private static func loadingReason(
        of view: SchedulerView.RunnerView, _ model: ModelID
    ) -> PlacementExplanation.Reason {
        guard let agent = view.agent, let engineModel = view.models[model] else { return .lacksModel }
        if agent.loading != nil { return .loading }
        return agent.modelsBackingOff.contains(engineModel) ? .loadBackoff : .loadable
    }

    fileprivate static func isListedBefore(_ left: Self, _ right: Self) -> Bool {
        let order = [left, right].map { candidate in
            (
                candidate.rank ?? .max, candidate.isEligible ? 0 : candidate.model == nil ? 2 : 1, candidate.tier,
                candidate.runner.id
            )
        }
        return order[0] < order[1]
    }
}
