import Synchronization

/// How many bytes of request bodies and of collected answers are held over all calls.
public final class BufferBudget: Sendable {
    private let limit: Atomic<Int>
    private let used = Atomic<Int>(0)

    public init(limit: Int) {
        self.limit = Atomic(limit)
    }

    /// Counts for what is reserved from now on.
    public func setLimit(_ bytes: Int) {
        limit.store(bytes, ordering: .relaxed)
    }

    /// - Returns: false when that would be too much; nothing is reserved then.
    public func reserve(_ bytes: Int) -> Bool {
        guard used.add(bytes, ordering: .relaxed).newValue <= limit.load(ordering: .relaxed) else {
            used.subtract(bytes, ordering: .relaxed)
            return false
        }
        return true
    }

    public func giveBack(_ bytes: Int) {
        used.subtract(bytes, ordering: .relaxed)
    }

    public var bytesInUse: Int { used.load(ordering: .relaxed) }
}
