import Foundation
import Testing

@testable import SimpleAICore

@Suite struct PrefixAffinityTests {
    private let runners = (0..<10).map { PrefixFingerprint("runner-\($0)".utf8) }

    private func winner(_ conversation: Int, among runners: [PrefixFingerprint], capacities: [Int]? = nil) -> Int? {
        let key = PrefixFingerprint("conversation \(conversation)".utf8)
        return runners.indices.max {
            Rendezvous.score(key, on: runners[$0], capacity: capacities?[$0] ?? 1)
                < Rendezvous.score(key, on: runners[$1], capacity: capacities?[$1] ?? 1)
        }
    }

    @Test func everyByteCounts() {
        let long = Array(repeating: UInt8(7), count: 1000)
        for position in [0, 1, 7, 8, 9, 500, 999] {
            var other = long
            other[position] ^= 1
            #expect(PrefixFingerprint(long) != PrefixFingerprint(other))
        }
        #expect(PrefixFingerprint([UInt8]()) != PrefixFingerprint([0]))
        #expect(PrefixFingerprint([0, 0, 0, 0, 0, 0, 0]) != PrefixFingerprint([0, 0, 0, 0, 0, 0, 0, 0]))
    }

    /// Across restarts and releases, or prompt caches would be cold after every update.
    @Test func fingerprintsAreStableAcrossReleases() {
        #expect(PrefixFingerprint("hello, world".utf8).value == 8_923_419_971_688_151_561)
    }

    @Test func conversationsAreSpreadEvenly() {
        var counts = Array(repeating: 0, count: 10)
        for conversation in 0..<10_000 { counts[winner(conversation, among: runners) ?? 0] += 1 }
        #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts)")
    }

    @Test func twiceTheCapacityGetsTwiceTheConversations() {
        var counts = [0, 0, 0]
        for conversation in 0..<12_000 {
            counts[winner(conversation, among: Array(runners.prefix(3)), capacities: [1, 2, 3]) ?? 0] += 1
        }
        #expect((1800...2200).contains(counts[0]) && (3750...4250).contains(counts[1]), "\(counts)")
    }

    /// The purpose of rendezvous hashing: a runner that is removed moves only its own conversations.
    @Test func onlyTheConversationsOfALostRunnerMove() {
        for conversation in 0..<2000 {
            let before = winner(conversation, among: runners)
            let after = winner(conversation, among: Array(runners.dropLast()))
            #expect(before == 9 || before == after)
        }
    }

    @Test func noRunnerGetsMuchMoreThanItsShare() {
        #expect(Rendezvous.maxCalls(total: 1, capacity: 1, totalCapacity: 10) == 1)
        #expect(Rendezvous.maxCalls(total: 80, capacity: 4, totalCapacity: 16) == 25)
        #expect(Rendezvous.maxCalls(total: 81, capacity: 4, totalCapacity: 16) == 26)
        #expect(Rendezvous.maxCalls(total: 5, capacity: 0, totalCapacity: 0) == 1)
    }

    @Test(arguments: [0x1p-53, 0.001, 0.1, 0.5, 0.999_999, 1, 2, 10, 1e300])
    func logarithm(x: Double) {
        #expect(abs(x.naturalLogarithm - Foundation.log(x)) <= 1e-12 * max(1, abs(Foundation.log(x))))
    }
}
