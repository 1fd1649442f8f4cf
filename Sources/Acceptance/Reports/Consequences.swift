/// The checks that one failed or undecided check leaves undecided: the report states its reason once.
struct Consequences: Sendable, Hashable {
    /// The id of that check.
    let cause: String
    /// Number of checks that are undecided for this reason.
    let count: Int

    var summary: String { "\(count) \(count == 1 ? "check was" : "checks were") not decided, see \(cause)" }
}

extension SuiteReport {
    /// Whether a check is undecided only because of another one in the same round, which failed or is itself undecided for
    /// a reason of its own.
    func isConsequence(_ result: CheckResult) -> Bool {
        guard result.verdict == .inconclusive, let cause = result.cause else { return false }
        return results.contains {
            $0.id == cause && $0.round == result.round
                && ($0.verdict == .fail || $0.verdict == .inconclusive && $0.cause == nil)
        }
    }

    /// One element for each check that leaves others undecided.
    var consequences: [Consequences] {
        let causes = results.filter(isConsequence).compactMap(\.cause)
        return causes.reduce(into: [Consequences]()) { list, cause in
            guard !list.contains(where: { $0.cause == cause }) else { return }
            list.append(Consequences(cause: cause, count: causes.count { $0 == cause }))
        }
    }
}
