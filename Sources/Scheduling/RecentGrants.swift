import DequeModule
import SimpleAICore

/// The latest slots that a caller was granted, on any runner.
struct RecentGrants: Sendable {
    private struct SlotGrant: Sendable {
        let number: UInt64
        let request: PlacementRequest
    }

    /// Maximum number of grants kept: one round at the lowest cost.
    private static let maxGrants = FairQueueClock.round / Priority(level: Priority.levels.upperBound).fairQueueCost

    private var grants: Deque<SlotGrant> = []

    mutating func append(_ request: PlacementRequest, number: UInt64) {
        if grants.count == Self.maxGrants { grants.removeFirst() }
        grants.append(SlotGrant(number: number, request: request))
    }

    /// The number up to which this list may be incomplete, because the oldest grants are dropped. Callers are compared by
    /// grants after the highest of these numbers; otherwise the busiest caller would lose more of its history than others.
    var incompleteUpTo: UInt64 { grants.count == Self.maxGrants ? grants[0].number - 1 : 0 }

    /// The total cost of the grants after `number`, and the number of the last of them.
    func after(_ number: UInt64, where counts: (PlacementRequest) -> Bool) -> (cost: Int, last: UInt64)? {
        var counted: (cost: Int, last: UInt64)?
        for grant in grants.reversed() {
            guard grant.number > number else { break }
            guard counts(grant.request) else { continue }
            counted = ((counted?.cost ?? 0) + grant.request.priority.fairQueueCost, counted?.last ?? grant.number)
        }
        return counted
    }
}
