/// Decides which requests of an engine with a fixed number of slots run and which wait; first come, first served.
struct SlotTable: Sendable {
    enum Decision: Equatable {
        case granted, queued, refused
    }

    private(set) var slots: Int
    private(set) var active: Set<Int> = []
    private(set) var queue: [Int] = []
    private let queueLength: Int
    private var nextNumber = 0
    private(set) var served = 0
    private(set) var cancelled = 0

    init(slots: Int, queueLength: Int) {
        self.slots = slots
        self.queueLength = queueLength
    }

    mutating func requestArrived() -> (number: Int, decision: Decision) {
        defer { nextNumber += 1 }
        if active.count < slots {
            active.insert(nextNumber)
            return (nextNumber, .granted)
        }
        guard queue.count < queueLength else { return (nextNumber, .refused) }
        queue.append(nextNumber)
        return (nextNumber, .queued)
    }

    /// Ends a request in any state; returns the request that runs next. Ending a request twice has no effect.
    mutating func requestEnded(_ number: Int, served isServed: Bool) -> Int? {
        if let place = queue.firstIndex(of: number) {
            queue.remove(at: place)
            cancelled += 1
            return nil
        }
        guard active.remove(number) != nil else { return nil }
        if isServed { served += 1 } else { cancelled += 1 }
        guard !queue.isEmpty else { return nil }
        let next = queue.removeFirst()
        active.insert(next)
        return next
    }
}
