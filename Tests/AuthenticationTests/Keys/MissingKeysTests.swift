import Testing

@testable import Authentication

@Suite struct MissingKeysTests {
    private let start = ContinuousClock.now

    private func missing() -> MissingKeys {
        MissingKeys(firstPause: .seconds(30), lastPause: .seconds(600))
    }

    @Test func pausesDoubleUpToTheLast() {
        var missing = missing()
        var now = start
        #expect(!missing.isMissing("a", at: now))
        for pause in [30, 60, 120, 240, 480, 600, 600] {
            missing.wasNotFound("a", at: now)
            // Whoever waited for the same answer adds nothing.
            missing.wasNotFound("a", at: now)
            #expect(missing.isMissing("a", at: now + .seconds(pause) - .nanoseconds(1)))
            now += .seconds(pause)
            #expect(!missing.isMissing("a", at: now))
        }
    }

    @Test func everyIDIsItsOwn() {
        var missing = missing()
        missing.wasNotFound("a", at: start)
        for other in ["A", "", "aa", "\u{E1}"] { #expect(!missing.isMissing(other, at: start)) }
        // Equal for Swift's ==, different for an issuer.
        missing.wasNotFound("\u{212A}", at: start)
        #expect(!missing.isMissing("K", at: start))
    }

    @Test func aFloodLeavesTheLatestAndNoMore() {
        var missing = missing()
        for number in 0..<100_000 { missing.wasNotFound("k\(number)", at: start) }
        #expect(missing.count == MissingKeys.capacity)
        #expect(missing.isMissing("k99999", at: start))
        #expect(missing.isMissing("k\(100_000 - MissingKeys.capacity)", at: start))
        #expect(!missing.isMissing("k\(100_000 - MissingKeys.capacity - 1)", at: start))
        #expect(!missing.isMissing("k0", at: start))
    }
}
