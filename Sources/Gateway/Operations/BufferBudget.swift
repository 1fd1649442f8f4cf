import Synchronization

/// How many bytes of request bodies and of collected answers are held over all calls.
final class BufferBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: false when that would be too much; nothing is reserved then.
    func reserve(_ bytes: Int) -> Bool {
        guard used.add(bytes, ordering: .relaxed).newValue <= limit else {
            used.subtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    func giveBack(_ bytes: Int) {
        used.subtract(bytes, ordering: .relaxed)
    }

    var bytesInUse: Int { used.load(ordering: .relaxed) }
}
