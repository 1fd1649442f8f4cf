import SimpleAICore
import Testing

@testable import FleetControl

@Suite struct AgentAdmissionTests {
    private let start = ContinuousClock.now

    private struct Sockets {
        let admission = AgentAdmission()
        var latest: UInt64 = 0

        mutating func enter(_ holder: Peer?, at now: ContinuousClock.Instant) -> AgentAdmission.Decision {
            latest += 1
            return admission.enter(latest, from: holder, now: now)
        }

        mutating func enter(_ count: Int, from holder: Peer?, at now: ContinuousClock.Instant) -> Int {
            (0..<count).count { _ in enter(holder, at: now) == .admitted(evicting: nil) }
        }
    }

    @Test func anAddressHasItsShareOfThePlaces() {
        var sockets = Sockets()
        #expect(sockets.enter(500, from: .v4(1), at: start) == AgentAdmission.maxUnregistered / 2)
        #expect(sockets.enter(.v4(2), at: start) == .admitted(evicting: nil))
        // An agent that registers frees a place.
        sockets.admission.registered(1)
    }

    /// An IPv6 network has any number of addresses and counts as one: `Peer` maps them to their network.
    @Test func anIPv6NetworkIsOneAddress() {
        var sockets = Sockets()
        let peers = (0..<500).map { Peer(IPAddress("2001:db8::\(String($0, radix: 16))")) }
        #expect(peers.count { sockets.enter($0, at: start) == .admitted(evicting: nil) } == 128)
        #expect(sockets.enter(Peer(IPAddress("2001:db8:0:1::1")), at: start) == .admitted(evicting: nil))
    }

    /// Reproduces a case in which 77 sockets from eleven addresses kept every agent out.
    @Test func silentSocketsOfManyAddressesAreEvicted() {
        var sockets = Sockets()
        for address in 1...300 { _ = sockets.enter(10, from: .v4(UInt32(address)), at: start) }
        #expect(sockets.enter(.v4(1_000), at: start) == .refused, "no agent has had the time to register yet")
        let later = start.advanced(by: .seconds(2))
        for number in 1...100 {
            let decision = sockets.enter(.v4(1_000 + UInt32(number)), at: later)
            guard case .admitted(let evicted) = decision else {
                Issue.record("\(number) was kept out")
                return
            }
            // An agent that registers frees its place for the next one.
            #expect((evicted != nil) == (number == 1))
            sockets.admission.registered(sockets.latest)
        }
    }

    @Test func knownAddressesHaveReservedPlaces() {
        var sockets = Sockets()
        #expect(sockets.enter(1, from: .v4(7), at: start) == 1)
        sockets.admission.registered(1)
        sockets.admission.left(1, now: start)
        sockets.admission.remember(.v4(8))
        for address in 100...500 { _ = sockets.enter(2, from: .v4(UInt32(address)), at: start) }
        #expect(sockets.enter(.v4(9), at: start) == .refused)
        #expect(sockets.enter(.v4(7), at: start) == .admitted(evicting: nil))
        #expect(sockets.enter(.v4(8), at: start) == .admitted(evicting: nil), "known from before a restart")
    }

    /// After a power cut all agents reconnect at once.
    @Test func manyAgentsOfOneAddressMayReconnectTogether() {
        var sockets = Sockets()
        for _ in 0..<1_000 {
            guard case .admitted = sockets.enter(.v4(1), at: start) else {
                Issue.record("kept out")
                return
            }
            sockets.admission.registered(sockets.latest)
        }
    }

    @Test func failuresBlockAnAddressForAWhile() {
        var sockets = Sockets()
        var failures = 0
        while sockets.enter(.v4(1), at: start) != .refused, failures < 1_000 {
            sockets.admission.left(sockets.latest, now: start)
            failures += 1
        }
        #expect(failures == Int(AgentAdmission.failureBurst))
        #expect(sockets.enter(.v4(2), at: start) == .admitted(evicting: nil))
        #expect(sockets.enter(.v4(1), at: start.advanced(by: .seconds(3))) == .admitted(evicting: nil))
    }

    /// A machine with a wrong token shares its address with machines that have the right one.
    @Test func failuresOfOtherAgentsDoNotBlockAnAgent() {
        var sockets = Sockets()
        sockets.admission.remember(.v4(1))
        for _ in 0..<100 {
            #expect(sockets.enter(.v4(1), at: start) == .admitted(evicting: nil))
            sockets.admission.left(sockets.latest, now: start)
        }
        #expect(sockets.enter(.v4(1), at: start) == .admitted(evicting: nil))
    }

    @Test func aTrustedProxyIsNotOneClient() {
        var sockets = Sockets()
        #expect(sockets.enter(500, from: nil, at: start) == AgentAdmission.maxUnregistered)
    }

    @Test func manyAddressesNeitherFillTheTableNorExcludeOthers() {
        var sockets = Sockets()
        for number in 0..<20_000 {
            guard sockets.enter(.v4(UInt32(number)), at: start) == .admitted(evicting: nil) else {
                Issue.record("\(number) was kept out")
                return
            }
            sockets.admission.left(sockets.latest, now: start)
        }
    }

    @Test func aDisconnectionAfterRegistrationIsNotAFailure() {
        var sockets = Sockets()
        for _ in 0..<500 {
            guard sockets.enter(.v4(1), at: start) == .admitted(evicting: nil) else {
                Issue.record("kept out")
                return
            }
            sockets.admission.registered(sockets.latest)
            sockets.admission.left(sockets.latest, now: start)
        }
    }

    /// The event loops of the sockets do not wait for the agents': a registration may cross the eviction of its socket.
    @Test func aRegistrationThatCrossesItsEvictionFreesNoSecondPlace() {
        var state = AgentAdmissionState()
        for number in 1...UInt64(AgentAdmission.maxUnregistered) {
            expect(state.enter(number, from: .v4(UInt32(number)), now: start), .admitted(evicting: nil))
        }
        let later = start.advanced(by: .seconds(2))
        expect(state.enter(1_000, from: .v4(1_000), now: later), .admitted(evicting: 1))
        state.registered(1)
        #expect(state.unregisteredCount == AgentAdmission.maxUnregistered)
        state.left(1, now: later)
        #expect(state.unregisteredCount == AgentAdmission.maxUnregistered)
        expect(state.enter(1_001, from: .v4(1_001), now: later), .admitted(evicting: 2))
        // The agent reconnects: its address is known, so its place is among those of known addresses.
        expect(state.enter(1_002, from: .v4(1), now: later), .admitted(evicting: nil))
    }

    /// `#expect` accepts no mutating call.
    private func expect(
        _ decision: AgentAdmission.Decision, _ expected: AgentAdmission.Decision,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(decision == expected, sourceLocation: sourceLocation)
    }
}
