import Testing

@testable import LocalFleet

@Suite struct WatchedTests {
    private struct Broken: Error {}

    @Test func waitersReceiveTheChange() async throws {
        let watched = Watched(0)
        async let later = watched.value { $0 == 2 }
        watched.update { $0 = 1 }
        watched.update { $0 = 2 }
        #expect(try await later == 2)
        #expect(try await watched.value { $0 > 1 } == 2)
    }

    @Test func aFailureEndsWaitsBeforeAndAfter() async throws {
        let watched = Watched(0)
        await #expect(throws: Broken.self) {
            async let before = watched.value { $0 == 1 }
            watched.fail(Broken())
            _ = try await before
        }
        await #expect(throws: Broken.self) { try await watched.value { $0 == 1 } }
        // A condition that already holds needs no change.
        #expect(try await watched.value { $0 == 0 } == 0)
    }

    @Test func aCancelledWaitEnds() async throws {
        let watched = Watched(0)
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask { try await watched.value { $0 == 1 } }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    @Test func aDeadlineEndsAWait() async throws {
        let watched = Watched(0)
        await #expect(throws: DeadlinePassed.self) {
            try await within(.milliseconds(1), "never") { try await watched.value { $0 == 1 } }
        }
    }
}
