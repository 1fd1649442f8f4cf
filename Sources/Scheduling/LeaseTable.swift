import SimpleAICore

/// The leases in use. A lease is returned exactly once; a second return only increments a counter.
struct LeaseTable {
    private var places: [LeaseID: (index: Int, engineModel: EngineModelID)] = [:]
    private var nextNumber: UInt64 = 1
    private(set) var doubleReturns = 0

    var count: Int { places.count }

    /// Models of the calls in progress on a runner, one entry per call.
    func engineModels(onRunnerAt index: Int) -> [EngineModelID] {
        places.values.filter { $0.index == index }.map(\.engineModel)
    }

    mutating func issue(forRunnerAt index: Int, _ engineModel: EngineModelID) -> LeaseID {
        let id = LeaseID(number: nextNumber)
        nextNumber += 1
        places[id] = (index, engineModel)
        return id
    }

    /// The runner whose slot became free, and the model of the call; nil if the lease was already returned.
    mutating func returnLease(_ id: LeaseID) -> (index: Int, engineModel: EngineModelID)? {
        guard let place = places.removeValue(forKey: id) else {
            doubleReturns += 1
            return nil
        }
        return place
    }
}
