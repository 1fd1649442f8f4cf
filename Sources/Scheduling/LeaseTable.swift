/// Who holds which slot. A lease is given back exactly once: giving it back again is a no-op that is counted.
struct LeaseTable {
    private var runnerIndex: [LeaseID: Int] = [:]
    private var nextNumber: UInt64 = 1
    private(set) var doubleReturns = 0

    var count: Int { runnerIndex.count }

    mutating func issue(forRunnerAt index: Int) -> LeaseID {
        let id = LeaseID(number: nextNumber)
        nextNumber += 1
        runnerIndex[id] = index
        return id
    }

    /// The runner whose slot is free again; nil when the lease had been returned before.
    mutating func takeBack(_ id: LeaseID) -> Int? {
        guard let index = runnerIndex.removeValue(forKey: id) else {
            doubleReturns += 1
            return nil
        }
        return index
    }
}
