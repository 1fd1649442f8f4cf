import DequeModule
import SimpleAICore

/// The latest slots that a caller was granted, on any runner.
struct RecentTurns: Sendable {
    private struct Turn: Sendable {
        let number: UInt64
        let request: PlacementRequest
    }

    /// Maximum number of remembered grants: a whole round at the lowest cost.
    private static let most = TurnClock.round / Priority(level: Priority.levels.upperBound).costOfTurn

    private var turns: Deque<Turn> = []

    mutating func append(_ request: PlacementRequest, number: UInt64) {
        if turns.count == Self.most { turns.removeFirst() }
        turns.append(Turn(number: number, request: request))
    }

    /// The number of the latest grant that is no longer remembered. Callers are compared from the newest of these
    /// numbers on; otherwise the busiest caller would lose more of its history than the others.
    var forgotten: UInt64 { turns.count == Self.most ? turns[0].number - 1 : 0 }

    /// The total cost of the grants after `number`, and the number of the last of them.
    func after(_ number: UInt64, where counts: (PlacementRequest) -> Bool) -> (cost: Int, last: UInt64)? {
        var counted: (cost: Int, last: UInt64)?
        for turn in turns.reversed() {
            guard turn.number > number else { break }
            guard counts(turn.request) else { continue }
            counted = ((counted?.cost ?? 0) + turn.request.priority.costOfTurn, counted?.last ?? turn.number)
        }
        return counted
    }
}
