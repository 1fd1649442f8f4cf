import SimpleAICore

/// What would happen to a call that arrived now: the scheduler's own decisions, without their effects.
struct PlacementForecast: Sendable {
    let outcome: PlacementExplanation.Outcome
    /// Positions of the runners in the order in which the class's policy would choose them, from 1.
    let ranks: [Int: Int]
    /// Indices of the runners whose machines the call would wake.
    let woken: Set<Int>
    /// Maximum wait before the call is refused; nil if it does not wait.
    let longestWait: Duration?
    /// Number of calls that already wait for the same models.
    let queueLength: Int
}

extension SchedulerState {
    func forecast(_ request: PlacementRequest, now: ContinuousClock.Instant) -> PlacementForecast {
        let ranking = placement.ranking(for: request, max: PlacementExplanation.maxRanked)
        let ranks = Dictionary(uniqueKeysWithValues: ranking.enumerated().map { ($1.index, $0 + 1) })
        func result(
            _ outcome: PlacementExplanation.Outcome, woken: Set<Int> = [], longestWait: Duration? = nil
        ) -> PlacementForecast {
            PlacementForecast(
                outcome: outcome, ranks: ranks, woken: woken, longestWait: longestWait,
                queueLength: queue.length(for: request.models))
        }
        if let first = ranking.first { return result(.served(records[first.index].runner.id, first.model)) }
        let admission = admission(for: request, now: now)
        if case .refused(let error) = admission { return result(.refused(error)) }
        var woken: Set<Int> = []
        if case .wake(let index) = admission { woken.insert(index) }
        if queue.capacity(for: request, maxLength: configuration.queueLength) == .exhausted {
            return result(.refused(Self.queueIsFull), woken: woken)
        }
        let kind = admission.kind ?? .slot
        if kind == .wake, request.mayWake {
            woken.formUnion(speculativeWakes(for: request).filter { canBeginWake(ofRunnerAt: $0, now: now) })
        }
        let outcome: PlacementExplanation.Outcome =
            switch kind {
            case .wake: .waitsForWake
            case .probe: .waitsForProbe
            case .load, .loading: .waitsForLoad
            case .slot: .waitsForSlot
            }
        return result(outcome, woken: woken, longestWait: now.duration(to: deadline(of: kind, for: request, now)))
    }

    /// Explains where a call would be placed and why.
    public func explain(_ request: PlacementRequest, now: ContinuousClock.Instant) -> PlacementExplanation {
        PlacementExplanation(forecast(request, now: now), view(now: now), request)
    }
}
