import Relay
import SimpleAICore
import Testing

@testable import RunnerAgent

/// An agent's capacity, which all gateways share: no single address can exhaust it.
@Suite struct CallSharesTests {
    private static let greedy = Peer.v4(1)
    private static let other = Peer.v4(2)

    private let services = CallServices(
        roster: EngineRoster([], logger: .silent), counts: CallCounts(), secret: "s", logger: .silent)

    private func begin(_ count: Int, from peer: Peer) -> Int {
        (0..<count).count { _ in services.beginConnection(from: peer) }
    }

    @Test func anAddressHasItsShareOfTheConnections() {
        #expect(begin(3_000, from: Self.greedy) == 1_024, "half of them")
        #expect(begin(64, from: Self.other) == 64)
        services.endConnection(from: Self.greedy)
        #expect(begin(2, from: Self.greedy) <= 1, "the freed connection is shared again")
    }

    /// A gateway gets a connection for each slot, for its probes and its pools, however many other addresses connect.
    @Test func everyAddressHasRoomForOneGateway() {
        for number in 0..<20 { #expect(begin(64, from: Peer.v4(UInt32(number))) == 64) }
        #expect(begin(3_000, from: Self.greedy) < 1_024)
        #expect(begin(64, from: Peer.v4(99)) == 64)
    }

    @Test func anAddressHasItsShareOfTheMemory() {
        let greedy = services.budget.share(for: nil, from: Self.greedy)
        let other = services.budget.share(for: nil, from: Self.other)
        let body = CallServices.maxBody.bytes
        #expect(greedy.reserve(body) == .granted, "one body of any size that is taken")
        var more = 0
        while more < 1_000, greedy.reserve(1 << 20) == .granted { more += 1 }
        #expect(body + more << 20 <= 384 << 20, "three quarters")
        #expect(other.reserve(64 << 20) == .granted)
        other.release(64 << 20)
        greedy.release(body + more << 20)
        #expect(services.budget.bytesInUse == 0)
    }
}
