import SimpleAICore

/// Who holds which slot. A lease is given back exactly once: giving it back again is a no-op that is counted.
struct LeaseTable {
    private var places: [LeaseID: (index: Int, engineModel: EngineModelID)] = [:]
    private var nextNumber: UInt64 = 1
    private(set) var doubleReturns = 0

    var count: Int { places.count }

    /// What is under way on a runner, a name for each call.
    func engineModels(onRunnerAt index: Int) -> [EngineModelID] {
        places.values.filter { $0.index == index }.map(\.engineModel)
    }

    mutating func issue(forRunnerAt index: Int, _ engineModel: EngineModelID) -> LeaseID {
        let id = LeaseID(number: nextNumber)
        nextNumber += 1
        places[id] = (index, engineModel)
        return id
    }

    /// The runner whose slot is free again, and what was run there; nil when the lease had been returned before.
    mutating func takeBack(_ id: LeaseID) -> (index: Int, engineModel: EngineModelID)? {
        guard let place = places.removeValue(forKey: id) else {
            doubleReturns += 1
            return nil
        }
        return place
    }
}
