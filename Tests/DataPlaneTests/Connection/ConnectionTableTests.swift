import NIOCore
import SimpleAICore
import Testing

@testable import DataPlane

@Suite struct ConnectionTableTests {
    private static let greedy = Peer.v4(1)
    private static let other = Peer.v4(2)

    private func busy() -> ConnectionActivity {
        let activity = ConnectionActivity(idleSince: 0)
        activity.becameBusy()
        return activity
    }

    /// - Returns: how many of them were admitted without an eviction.
    private func open(_ count: Int, of peer: Peer?, _ table: inout ConnectionTable, isBusy: Bool) -> Int {
        (0..<count).count { number in
            let activity = isBusy ? busy() : ConnectionActivity(idleSince: Int64(number))
            if case .admitted(_, []) = table.open(peer, activity) { return true }
            return false
        }
    }

    @Test func anAddressWithRequestsUnderWayHasItsShare() {
        var table = ConnectionTable(capacity: 100)
        #expect(open(130, of: Self.greedy, &table, isBusy: true) == 50)
        #expect(table.open(Self.greedy, busy()) == .beyondShare(evicting: []))
        #expect(open(20, of: Self.other, &table, isBusy: true) == 20)
    }

    @Test func idleConnectionsOfAnAddressMakeRoomForItsOwn() {
        var table = ConnectionTable(capacity: 100)
        #expect(open(50, of: Self.greedy, &table, isBusy: false) == 50)
        guard case .admitted(_, let evicted) = table.open(Self.greedy, busy()) else {
            Issue.record("refused")
            return
        }
        #expect(evicted == [1, 2, 3, 4, 5, 6], "those that have been idle for longest, an eighth of them")
        #expect(table.count == 45)
    }

    @Test func whenFullTheLargestHoldersIdleConnectionsAreEvicted() {
        var table = ConnectionTable(capacity: 100)
        for peer in 3..<13 { #expect(open(9, of: .v4(UInt32(peer)), &table, isBusy: true) == 9) }
        #expect(open(10, of: Self.greedy, &table, isBusy: false) == 10)
        guard case .admitted(_, let evicted) = table.open(Self.other, busy()) else {
            Issue.record("refused")
            return
        }
        #expect(evicted == [91])
    }

    @Test func anAddressBeyondItsShareEvictsNoConnectionOfOthers() {
        var table = ConnectionTable(capacity: 100)
        #expect(open(25, of: Self.greedy, &table, isBusy: true) == 25)
        #expect(open(75, of: nil, &table, isBusy: false) == 75)
        #expect(table.open(Self.greedy, busy()) == .exhausted(evicting: []))
        #expect(table.count == 100)
    }

    /// A refusal names its evictions, too: those connections are not counted any more and have to close.
    @Test func evictionsOfARefusedConnectionAreReported() {
        var table = ConnectionTable(capacity: 100)
        #expect(open(10, of: Self.greedy, &table, isBusy: false) == 10)
        #expect(open(40, of: Self.greedy, &table, isBusy: true) == 40)
        #expect(open(50, of: nil, &table, isBusy: true) == 50)
        guard case .beyondShare(let evicted) = table.open(Self.greedy, busy()) else {
            Issue.record("not refused")
            return
        }
        #expect(evicted == [1])
        #expect(table.count == 99)
    }

    @Test func requestsUnderWayAreNeverTouched() {
        var table = ConnectionTable(capacity: 10)
        for peer in 1...10 { #expect(open(1, of: .v4(UInt32(peer)), &table, isBusy: true) == 1) }
        #expect(table.open(.v4(99), busy()) == .exhausted(evicting: []))
        table.closed(3)
        #expect(open(1, of: .v4(99), &table, isBusy: true) == 1)
    }

    @Test func aTrustedProxyIsNotOneClient() {
        var table = ConnectionTable(capacity: 100)
        #expect(open(120, of: nil, &table, isBusy: true) == 100)
    }

    @Test func aConnectionThatIsKeptOpenCountsAgain() {
        var table = ConnectionTable(capacity: 4)
        let activity = ConnectionActivity(idleSince: 0)
        #expect(table.open(nil, activity) == .admitted(1, evicting: []))
        #expect(open(3, of: nil, &table, isBusy: true) == 3)
        #expect(table.open(nil, busy()) == .admitted(5, evicting: [1]))
        #expect(table.count == 4)
        table.keptOpen(1, nil, activity)
        #expect(table.count == 5)
        table.closed(1)
        table.closed(1)
        #expect(table.count == 4)
    }

    @Test func aRateLimitedLogCountsSuppressedLines() {
        var notice = RateLimitedLog(interval: .seconds(10))
        let start = NIODeadline.now()
        #expect(notice.suppressedCountIfDue(at: start) == 0)
        for _ in 0..<3 { #expect(notice.suppressedCountIfDue(at: start + .seconds(9)) == nil) }
        #expect(notice.suppressedCountIfDue(at: start + .seconds(10)) == 3)
        #expect(notice.suppressedCountIfDue(at: start + .seconds(11)) == nil)
    }
}
