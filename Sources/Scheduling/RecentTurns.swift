import DequeModule
import SimpleAICore

/// The latest turns of a caller, anywhere.
struct RecentTurns: Sendable {
    private struct Turn: Sendable {
        let number: UInt64
        let request: PlacementRequest
    }

    /// A whole round of the cheapest.
    private static let most = TurnClock.round / Priority(level: Priority.levels.upperBound).costOfTurn

    private var turns: Deque<Turn> = []

    mutating func append(_ request: PlacementRequest, number: UInt64) {
        if turns.count == Self.most { turns.removeFirst() }
        turns.append(Turn(number: number, request: request))
    }

    /// Turns with this number and older ones are not remembered. Whoever compares callers compares them from the newest of
    /// these on: otherwise much of what the busiest was given would be forgotten, and all of the others'.
    var forgotten: UInt64 { turns.count == Self.most ? turns[0].number - 1 : 0 }

    /// What the turns after `number` have cost, and the number of the last of them.
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
