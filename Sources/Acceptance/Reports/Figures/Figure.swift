/// Measurements of a check, in a form that reports can draw and programs can read.
enum Figure: Sendable, Hashable {
    case wake(WakeTimeline)
    case shares(RunnerShares)
    /// The response status of a caller's request: one cell of the permission table.
    case response(status: Int)

    /// Names come from the deployment and may contain anything, including a token.
    func redacted(by redactor: Redactor) -> Figure {
        switch self {
        case .wake, .response: self
        case .shares(let shares): .shares(shares.renamingRunners(redactor.redact))
        }
    }
}

extension Finding {
    /// The finding, with the status of its response.
    func withResponse(_ exchange: Exchange) -> Finding { showing(.response(status: exchange.status)) }
}

extension Verdict {
    /// The rank of the verdict: of several rounds, figures show the one with the highest rank.
    var weight: Int {
        switch self {
        case .skip: 0
        case .pass: 1
        case .inconclusive: 2
        case .fail: 3
        }
    }
}

extension SuiteReport {
    var wake: WakeTimeline? {
        firstFigure { if case .wake(let timeline) = $0 { timeline } else { nil } }
    }

    var shares: RunnerShares? {
        firstFigure { if case .shares(let shares) = $0 { shares } else { nil } }
    }

    var permissions: PermissionGrid? { PermissionGrid(results) }

    private func firstFigure<Value>(_ pick: (Figure) -> Value?) -> Value? {
        let figures = results.compactMap { result in
            result.figure.flatMap(pick).map { (value: $0, weight: result.verdict.weight) }
        }
        // Of several rounds, the first with the worst verdict.
        let worst = figures.map(\.weight).max()
        return figures.first { $0.weight == worst }?.value
    }
}
