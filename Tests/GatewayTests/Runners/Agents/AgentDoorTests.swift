import Testing

@testable import Gateway

@Suite struct AgentDoorTests {
    private let start = ContinuousClock.now

    private func entries(_ door: AgentDoor, _ address: String, _ count: Int, at now: ContinuousClock.Instant) -> Int {
        (0..<count).count { _ in door.enter(address, now: now) }
    }

    @Test func strangersOfOneAddressAreFew() {
        let door = AgentDoor()
        #expect(entries(door, "a", 100, at: start) == AgentDoor.maxStrangersPerAddress)
        #expect(door.enter("b", now: start))
        // Whoever registers makes room.
        door.registered("a")
        #expect(entries(door, "a", 100, at: start) == 1)
    }

    @Test func strangersOfAllAddressesAreFew() {
        let door = AgentDoor()
        let entered = (0..<200).count { door.enter("\($0)", now: start) }
        #expect(entered == AgentDoor.maxStrangers)
    }

    @Test func failuresKeepAnAddressOutForAWhile() {
        let door = AgentDoor()
        var failures = 0
        while door.enter("a", now: start) {
            door.left("a", isStranger: true, now: start)
            failures += 1
            guard failures < 1_000 else { break }
        }
        #expect(failures == Int(AgentDoor.failureBurst))
        #expect(door.enter("b", now: start))
        let later = start.advanced(by: .seconds(3))
        #expect(entries(door, "a", 1, at: later) == 1)
    }

    @Test func manyAddressesNeitherFillUsNorLockTheDoor() {
        let door = AgentDoor()
        for number in 0..<20_000 {
            guard door.enter("\(number)", now: start) else {
                Issue.record("\(number) was kept out")
                return
            }
            door.left("\(number)", isStranger: true, now: start)
        }
    }

    @Test func whoRegisteredAndLeftIsNoFailure() {
        let door = AgentDoor()
        for _ in 0..<500 {
            guard door.enter("a", now: start) else {
                Issue.record("kept out")
                return
            }
            door.registered("a")
            door.left("a", isStranger: false, now: start)
        }
    }
}
