import NIOCore
import TestSupport
import Testing

@testable import Relay

/// The invariants of a connection to a runner hold for any sequence of events, and however its bytes are split.
@Suite struct UpstreamConnectionRandomTests {
    private static let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\none\r\n4;x=y\r\ntwo!\r\n0\r\nT: v\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
    ]

    private static let expected = [
        "arm", "head(200)", "body(hello)", "end(keep,served)", "head(200)", "body(onetwo!)", "end(keep,served)",
        "head(404)", "body(no)", "end(keep)", "head(204)", "end(keep,served)", "head(200)", "body(x)",
        "end(close,served)", "none",
    ]

    /// The actions for all responses, pieces of bodies joined.
    private func actions(_ split: (String) -> [String]) -> [String] {
        var connection = DrivenUpstream()
        for response in Self.responses {
            connection.begin()
            for piece in split(response) { connection.receive(piece) }
        }
        connection.close()
        return connection.actions.reduce(into: []) { joined, action in
            if action.hasPrefix("body("), let last = joined.last, last.hasPrefix("body(") {
                joined[joined.count - 1] = String(last.dropLast() + action.dropFirst("body(".count))
            } else {
                joined.append(action)
            }
        }
    }

    @Test func everySplitGivesTheSameActions() {
        #expect(actions { [$0] } == Self.expected)
        #expect(actions { $0.unicodeScalars.map { String($0) } } == Self.expected)
        let longest = Self.responses.map(\.unicodeScalars.count).max() ?? 0
        for cut in 0...longest {
            let found = actions { text in
                let index = text.utf8.index(text.startIndex, offsetBy: min(cut, text.utf8.count))
                return [String(text[..<index]), String(text[index...])].filter { !$0.isEmpty }
            }
            #expect(found == Self.expected, "cut at \(cut)")
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func invariantsHoldForRandomEvents(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for number in 0..<1_000 {
            var connection = WatchedUpstream()
            for _ in 0..<Int.random(in: 1...40, using: &random) { connection.step(using: &random) }
            guard connection.violations.isEmpty else {
                Issue.record(
                    "seed \(seed), connection \(number): \(connection.violations) after \(connection.driven.actions)")
                return
            }
        }
    }
}

/// A connection, and the invariants that its actions must keep.
private struct WatchedUpstream {
    private static let pieces = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok", "o", "k", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 ",
        "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "SSH\r\n",
    ]

    var driven = DrivenUpstream()
    private(set) var violations: [String] = []
    private var isOpen = true
    private var isExchanging = false
    private var hasHead = false
    private var checked = 0
    /// Number of bytes of the request body that were not read.
    private var unreadBytes = 0

    mutating func step(using random: inout SeededGenerator) {
        driven.pass(.seconds(Int64.random(in: 0...40, using: &random)))
        switch Int.random(in: 0..<16, using: &random) {
        case 0...2:
            // As in the pool: only a reusable connection begins an exchange.
            if isOpen, driven.state.isReusable(at: driven.now) {
                unreadBytes = random.chance(0.4) ? Int.random(in: 1...300_000, using: &random) : 0
                driven.begin(
                    isLast: random.chance(0.1), isWritten: unreadBytes == 0 && random.chance(0.9),
                    unreadBytes: unreadBytes)
                (isExchanging, hasHead) = (true, false)
            }
        case 3...8:
            driven.afterBody = random.chance(0.1) ? .release : .readOn
            if isOpen {
                driven.receive(Self.pieces.randomElement(using: &random) ?? "", requestIsPending: random.chance(0.1))
            }
        case 9: if random.chance(0.3) { driven.release() }
        case 10: driven.fireTimer(wantsReads: random.chance(0.7))
        case 11: driven.loseMachine()
        case 12:
            if random.chance(0.3) {
                driven.fail([.other, .timedOut, .untrusted("x")].randomElement(using: &random) ?? .other)
            }
        case 13, 14: sendBody(using: &random)
        default:
            driven.close()
            isOpen = false
        }
        check()
    }

    private mutating func sendBody(using random: inout SeededGenerator) {
        guard driven.state.wantsBody else { return }
        promise(isOpen && driven.state.isExchanging && unreadBytes > 0, "a piece is wanted without need")
        let count = Int.random(in: 1...unreadBytes, using: &random)
        let actions = driven.record { $0.readBody(count) }
        promise(actions == (count == unreadBytes ? "last" : "write"), "\(actions) for a piece")
        unreadBytes -= count
        guard random.chance(0.8) else { return }
        driven.writeBody(count)
        if unreadBytes == 0 { driven.write() }
    }

    private mutating func check() {
        for action in driven.actions[checked...] {
            switch action.prefix(while: { $0 != "(" }) {
            case "head":
                promise(isExchanging && !hasHead, "a head without an exchange")
                hasHead = true
            case "body": promise(isExchanging && hasHead, "a body without a head")
            case "end":
                promise(isExchanging && hasHead, "an end without a head")
                promise(unreadBytes == 0 || !action.hasPrefix("end(keep"), "reuse within a request")
                isExchanging = false
            case "closedBeforeResponse", "staleConnection", "runnerDeclaredUnreachable", "connectionTimedOut":
                promise(isExchanging && !hasHead, "\(action) after a head")
                isExchanging = false
            case "ended", "closedDuringResponse":
                promise(isExchanging && hasHead, "\(action) before a head")
                isExchanging = false
            default: break
            }
        }
        checked = driven.actions.count
        if driven.state.isReusable(at: driven.now) {
            promise(!driven.state.isExchanging && isOpen, "reusable during an exchange, or after the end")
        }
    }

    private mutating func promise(_ condition: Bool, _ what: String) {
        if !condition { violations.append(what) }
    }
}
