import Testing

@testable import LocalFleet

@Suite struct SlotTableTests {
    @Test func grantsQueuesAndRefusesInThatOrder() {
        var table = SlotTable(slots: 1, queueLength: 1)
        #expect(table.requestArrived() == (0, .granted))
        #expect(table.requestArrived() == (1, .queued))
        #expect(table.requestArrived() == (2, .refused))
    }

    @Test func theLongestWaitingCallIsNext() {
        var table = SlotTable(slots: 1, queueLength: 3)
        for _ in 0..<3 { _ = table.requestArrived() }
        #expect(table.requestEnded(0, served: true) == 1)
        #expect(table.requestEnded(1, served: false) == 2)
        #expect(table.requestEnded(2, served: true) == nil)
        #expect(table.served == 2)
        #expect(table.cancelled == 1)
    }

    @Test func leavingTheQueueFreesNoSlot() {
        var table = SlotTable(slots: 1, queueLength: 3)
        for _ in 0..<3 { _ = table.requestArrived() }
        #expect(table.requestEnded(1, served: false) == nil)
        #expect(table.active == [0])
        #expect(table.requestEnded(0, served: true) == 2)
    }

    @Test func endingTwiceChangesNothing() {
        var table = SlotTable(slots: 1, queueLength: 3)
        for _ in 0..<3 { _ = table.requestArrived() }
        _ = table.requestEnded(0, served: true)
        #expect(table.requestEnded(0, served: false) == nil)
        #expect(table.active == [1])
        #expect(table.served == 1)
        #expect(table.cancelled == 0)
    }

    @Test(arguments: 0..<50) func randomRequestsNeverExceedTheSlotsAndAllEnd(seed: UInt64) {
        var random = SplitMix64(state: seed)
        var table = SlotTable(slots: 3, queueLength: 5)
        var open: Set<Int> = []
        var accepted = 0
        for _ in 0..<500 {
            if Bool.random(using: &random) {
                let (number, decision) = table.requestArrived()
                if decision != .refused {
                    open.insert(number)
                    accepted += 1
                }
            } else if let number = open.sorted().randomElement(using: &random) {
                open.remove(number)
                _ = table.requestEnded(number, served: Bool.random(using: &random))
            }
            #expect(table.active.count <= 3)
            #expect(table.queue.isEmpty || table.active.count == 3)
            #expect(table.active.union(table.queue) == open)
        }
        for number in open { _ = table.requestEnded(number, served: true) }
        #expect(table.active.isEmpty && table.queue.isEmpty)
        #expect(table.served + table.cancelled == accepted)
    }
}
