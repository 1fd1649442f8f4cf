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
        #expect(!missing.isBackingOff(.id("a"), at: now))
        for pause in [30, 60, 120, 240, 480, 600, 600] {
            missing.searchFailed(.id("a"), at: now)
            // A second search that waited for the same response adds nothing.
            missing.searchFailed(.id("a"), at: now)
            #expect(missing.isBackingOff(.id("a"), at: now + .seconds(pause) - .nanoseconds(1)))
            now += .seconds(pause)
            #expect(!missing.isBackingOff(.id("a"), at: now))
        }
    }

    @Test func distinguishesSearches() {
        var missing = missing()
        missing.searchFailed(.id("a"), at: start)
        for other in ["A", "", "aa", "\u{E1}"] { #expect(!missing.isBackingOff(.id(other), at: start)) }
        // Equal for Swift's ==, different for an issuer.
        missing.searchFailed(.id("\u{212A}"), at: start)
        #expect(!missing.isBackingOff(.id("K"), at: start))
        // A search for a replaced key is distinct from a search for a key id.
        for other in [KeySearch.replacement(id: "a"), .replacement(id: nil), .replacement(id: "")] {
            #expect(!missing.isBackingOff(other, at: start))
            missing.searchFailed(other, at: start)
            #expect(missing.isBackingOff(other, at: start))
        }
        #expect(!missing.isBackingOff(.id(""), at: start))
    }

    @Test func keepsOnlyTheLatestSearches() {
        var missing = missing()
        for number in 0..<100_000 { missing.searchFailed(.id("k\(number)"), at: start) }
        #expect(missing.count == FailedKeySearches.capacity)
        #expect(missing.isBackingOff(.id("k99999"), at: start))
        #expect(missing.isBackingOff(.id("k\(100_000 - FailedKeySearches.capacity)"), at: start))
        #expect(!missing.isBackingOff(.id("k\(100_000 - FailedKeySearches.capacity - 1)"), at: start))
        #expect(!missing.isBackingOff(.id("k0"), at: start))
    }
}
