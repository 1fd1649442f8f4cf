import Testing

@testable import RunnerAgent

@Suite struct BackoffTests {
    private let backoff = Backoff(first: .milliseconds(500), limit: .seconds(30))

    @Test(arguments: [(1, 500), (2, 1_000), (3, 2_000), (6, 16_000), (7, 30_000), (500, 30_000)])
    func doublesUpToItsLimit(failures: Int, milliseconds: Int) {
        #expect(backoff.delay(failures: failures, chance: 1) == .milliseconds(milliseconds))
        #expect(backoff.delay(failures: failures, chance: 0) == .milliseconds(milliseconds) / 2)
    }

    @Test func jitterSpreadsMachines() {
        #expect(backoff.delay(failures: 2, chance: 0.5) == .milliseconds(750))
        #expect(backoff.delay(failures: 2, chance: 7) == .milliseconds(1_000))
    }
}
