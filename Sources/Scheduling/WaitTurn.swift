import SimpleAICore

/// When it is a caller's turn, on the clock of a queue that counts what turns cost.
///
/// Deficit round robin, with the deficits kept as due times. A turn is one call, however long it runs, and it costs
/// `Priority.costOfTurn`: 16 for most callers, half of that for each level of priority, so that a level is worth twice
/// the turns. The earliest due time is next; the clock moves on to it, and the caller's next one is due a cost later.
/// A caller who comes is due one cost from now, whether it was here before or not: who stays away saves nothing up, and
/// who comes back is not ahead of those who have waited. With equal priorities that is round robin.
struct WaitTurn: Hashable, Sendable {
    private(set) var due: Int
    /// Among those due at the same time, whoever had no turn yet, and then whoever waits longest for one.
    private(set) var hadOne = false
    private(set) var number: UInt64

    init(now: Int, _ priority: Priority, number: UInt64) {
        due = now + priority.costOfTurn
        self.number = number
    }

    /// - Parameter priority: of the call that is first now.
    mutating func wasTaken(now: Int, _ priority: Priority, number: UInt64) {
        due = max(due, now) + priority.costOfTurn
        hadOne = true
        self.number = number
    }
}

extension Priority {
    /// What one call costs its caller, in parts of the lowest priority's turn.
    var costOfTurn: Int { 1 << (Self.levels.upperBound - level) }
}
