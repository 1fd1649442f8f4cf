import Testing

@testable import Authentication

@Suite struct FailedKeySearchesTests {
    private let start = ContinuousClock.now

    private func missing() -> FailedKeySearches {
        FailedKeySearches(firstPause: .seconds(30), lastPause: .seconds(600))
    }

    @Test func pausesDoubleUpToTheLast() {
        var missing = missing()
        var now = start
        #expect(!missing.isMissing(.id("a"), at: now))
        for pause in [30, 60, 120, 240, 480, 600, 600] {
            missing.wasNotFound(.id("a"), at: now)
            // A second search that waited for the same response adds nothing.
            missing.wasNotFound(.id("a"), at: now)
            #expect(missing.isMissing(.id("a"), at: now + .seconds(pause) - .nanoseconds(1)))
            now += .seconds(pause)
            #expect(!missing.isMissing(.id("a"), at: now))
        }
    }

    @Test func distinguishesSearches() {
        var missing = missing()
        missing.wasNotFound(.id("a"), at: start)
        for other in ["A", "", "aa", "\u{E1}"] { #expect(!missing.isMissing(.id(other), at: start)) }
        // Equal for Swift's ==, different for an issuer.
        missing.wasNotFound(.id("\u{212A}"), at: start)
        #expect(!missing.isMissing(.id("K"), at: start))
        // A search for a replaced key is distinct from a search for a key id.
        for other in [KeySearch.replacement(id: "a"), .replacement(id: nil), .replacement(id: "")] {
            #expect(!missing.isMissing(other, at: start))
            missing.wasNotFound(other, at: start)
            #expect(missing.isMissing(other, at: start))
        }
        #expect(!missing.isMissing(.id(""), at: start))
    }

    @Test func keepsOnlyTheLatestSearches() {
        var missing = missing()
        for number in 0..<100_000 { missing.wasNotFound(.id("k\(number)"), at: start) }
        #expect(missing.count == FailedKeySearches.capacity)
        #expect(missing.isMissing(.id("k99999"), at: start))
        #expect(missing.isMissing(.id("k\(100_000 - FailedKeySearches.capacity)"), at: start))
        #expect(!missing.isMissing(.id("k\(100_000 - FailedKeySearches.capacity - 1)"), at: start))
        #expect(!missing.isMissing(.id("k0"), at: start))
    }
}
