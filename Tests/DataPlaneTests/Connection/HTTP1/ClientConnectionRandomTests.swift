import NIOCore
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// The invariants of a client's connection hold for any sequence of events, and however its bytes are split.
@Suite struct ClientConnectionRandomTests {
    private static let requests =
        "POST /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        + "GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
        + "\r\nPOST /other HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\nX: y\r\n\r\n"
        + "POST /v1/b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
        + "malformed\r\n\r\nPOST /v1/c HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"

    /// The actions for all requests, pieces of bodies joined.
    private func actions(of pieces: [String]) -> [String] {
        var connection = DrivenConnection()
        connection.respondsImmediately = true
        for piece in pieces { connection.receive(piece) }
        return connection.actions.reduce(into: []) { joined, action in
            let route = action.prefix { $0 != "(" } + "("
            if action.hasPrefix("dataPlane(") || action.hasPrefix("controlPlane("), let last = joined.last,
                last.hasPrefix(route)
            {
                joined[joined.count - 1] = String(last.dropLast() + action.dropFirst(route.count))
            } else {
                joined.append(action)
            }
        }
    }

    private static let expected = [
        "offer(/v1/a)", "dataPlane(abc)", "end(dataPlane)", "ended(keepOpen)", "head(/health)", "end(controlPlane)",
        "ended(keepOpen)", "offer(/other)", "controlPlane(def)", "end(controlPlane)", "ended(keepOpen)", "offer(/v1/b)",
        "end(dataPlane)", "ended(keepOpen)", "respond(invalid_request)",
    ]

    @Test func everySplitGivesTheSameActions() {
        let text = Self.requests
        #expect(actions(of: [text]) == Self.expected)
        for cut in text.indices { #expect(actions(of: [String(text[..<cut]), String(text[cut...])]) == Self.expected) }
        #expect(actions(of: text.unicodeScalars.map { String($0) }) == Self.expected)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func randomSplitsGiveTheSameActions(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            var rest = Substring(Self.requests.unicodeScalars.map(Character.init))
            var pieces: [String] = []
            while !rest.isEmpty {
                let count = Int.random(in: 1...40, using: &random)
                pieces.append(String(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(actions(of: pieces) == Self.expected)
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func invariantsHoldForRandomEvents(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for number in 0..<1_000 {
            var connection = WatchedConnection()
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
private struct WatchedConnection {
    private static let pieces = [
        "POST /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n", "{}", "{", "}", "POST /o HTTP/1.1\r\n",
        "Host: h\r\nContent-Length: 1\r\n\r\n", "x", "GET /h HTTP/1.1\r\nHost: h\r\n\r\n", "bad\r\n",
    ]

    var driven = DrivenConnection()
    private(set) var violations: [String] = []
    private var isClosed = false
    /// Heads minus ended exchanges.
    private var open = 0
    private var requestIsRead = true
    private var isRefused = false
    private var checked = 0

    mutating func step(using random: inout SeededGenerator) {
        driven.pass(.seconds(Int64.random(in: 0...20, using: &random)))
        switch Int.random(in: 0..<13, using: &random) {
        case 0...4: driven.receive(Self.pieces.randomElement(using: &random) ?? "")
        case 5: driven.write(keepAlive: .random(using: &random))
        case 6, 7: driven.complete(isLast: random.chance(0.1), isWritable: .random(using: &random))
        case 8: if random.chance(0.2) { driven.closeInput() }
        case 9: if random.chance(0.2) { driven.beginDrain() }
        case 10: driven.read()
        case 11:
            driven.fireIdleTimer(
                holdsReads: .random(using: &random), isWritable: .random(using: &random),
                unsentBytes: Int.random(in: 0...2, using: &random))
        default:
            if random.chance(0.1) { driven.state.connectionClosed(); isClosed = true }
        }
        check()
    }

    private mutating func check() {
        for action in driven.actions[checked...] {
            switch action.prefix(while: { $0 != "(" }) {
            case "offer", "head":
                promise(open == 0 && !isRefused && !isClosed, "\(action) within an exchange, or after a refusal")
                (open, requestIsRead) = (1, false)
            case "dataPlane", "controlPlane": promise(open == 1 && !requestIsRead, "\(action) outside of a request")
            case "end":
                promise(open == 1 && !requestIsRead, "\(action) outside of a request")
                requestIsRead = true
            case "ended":
                promise(open == 1 && requestIsRead, "an exchange ended before its request")
                open = 0
            case "respond", "closeOutput":
                promise(!isRefused, "refused twice")
                isRefused = true
            case "write", "writeAsLast": promise(!isRefused && !isClosed, "a response after a refusal")
            default: break
            }
        }
        checked = driven.actions.count
        promise(!(isRefused || isClosed) || !driven.state.isOpen, "open after a refusal")
    }

    private mutating func promise(_ condition: Bool, _ what: String) {
        if !condition { violations.append(what) }
    }
}
