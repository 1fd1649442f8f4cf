import NIOCore
import TestSupport
import Testing

@testable import Relay

/// Every event in every state of a connection to a runner.
@Suite struct UpstreamConnectionStateTests {
    static let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    private static let openHead = "HTTP/1.1 200 OK\r\n\r\n"

    enum Situation: String, CaseIterable {
        case new, kept, unwritten, first, again, partialHead, head, body, open, released, abandoned, broken, unused
        /// A request whose body is sent in pieces, without and with the beginning of a response.
        case sending, early

        var connection: DrivenUpstream {
            var connection = DrivenUpstream()
            switch self {
            case .new: break
            case .kept:
                connection.begin()
                connection.receive(UpstreamConnectionStateTests.head + "ok")
            case .unwritten: connection.begin(isWritten: false)
            case .first: connection.begin()
            case .again:
                connection = Situation.kept.connection
                connection.begin()
            case .partialHead:
                connection = Situation.again.connection
                connection.receive("HTTP/1.1 2")
            case .head:
                connection.begin()
                connection.receive(UpstreamConnectionStateTests.head)
            case .body:
                connection.begin()
                connection.receive(UpstreamConnectionStateTests.head + "o")
            case .open:
                connection.begin()
                connection.receive(UpstreamConnectionStateTests.openHead + "o")
            case .released:
                connection = Situation.body.connection
                connection.release()
            case .abandoned:
                connection = Situation.body.connection
                connection.state.exchangeAbandoned()
            case .broken:
                connection.begin()
                connection.receive("SSH-2.0\r\n")
            case .unused:
                connection = Situation.kept.connection
                connection.state.closeRequested()
            case .sending:
                connection.begin(isWritten: false, unreadBytes: 10)
                connection.state.requestHeadWritten(1)
            case .early:
                connection = Situation.sending.connection
                connection.receive(UpstreamConnectionStateTests.head + "o")
            }
            return connection
        }
    }

    /// - Parameter expected: the actions by situation, in the order of `Situation.allCases`.
    func check(
        _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation,
        _ event: (inout DrivenUpstream) -> Void
    ) {
        for (situation, wanted) in zip(Situation.allCases, expected) {
            var connection = situation.connection
            #expect(
                "\(situation): \(connection.record(event))" == "\(situation): \(wanted)", sourceLocation: sourceLocation
            )
        }
        #expect(expected.count == Situation.allCases.count, sourceLocation: sourceLocation)
    }

    // MARK: Responses

    @Test func aCompleteResponse() {
        let whole = "head(200) body(ok) end(keep,served)"
        check([
            "close", "close", "head(200) body(ok) end(close,served)", whole, whole, "close",
            "body(HT) end(close,served)",
            "body(H) end(close,served)", "body(\(Self.head)ok)", "end(close,served)", "close", "", "close",
            "head(200) body(ok) end(close,served)", "body(H) end(close,served)",
        ]) { $0.receive(Self.head + "ok") }
    }

    @Test func theEndOfTheConnection() {
        check([
            "none", "none", "closedBeforeResponse", "closedBeforeResponse", "staleConnection", "closedBeforeResponse",
            "closedDuringResponse", "closedDuringResponse", "ended", "none", "none",
            #"malformed("not an HTTP/1 response")"#, "none", "closedBeforeResponse", "closedDuringResponse",
        ]) { $0.close() }
    }

    @Test func theEndOfTheConnectionIsReportedOnce() {
        check(Situation.allCases.map { _ in "none" }) {
            _ = $0.state.connectionClosed()
            $0.close()
        }
    }

    /// An error shows that a response that is delimited by its connection is incomplete.
    @Test func failuresOfTheChannel() {
        check([
            "none", "none", "closedBeforeResponse", "closedBeforeResponse", "staleConnection", "closedBeforeResponse",
            "closedDuringResponse", "closedDuringResponse", "closedDuringResponse", "none", "none",
            #"malformed("not an HTTP/1 response")"#, "none", "closedBeforeResponse", "closedDuringResponse",
        ]) {
            $0.fail(.other)
            $0.close()
        }
        check([
            "none", "none", "connectionTimedOut", "connectionTimedOut", "connectionTimedOut", "connectionTimedOut",
            "closedDuringResponse", "closedDuringResponse", "closedDuringResponse", "none", "none",
            #"malformed("not an HTTP/1 response")"#, "none", "connectionTimedOut", "closedDuringResponse",
        ]) {
            $0.fail(.timedOut)
            $0.close()
        }
        let untrusted = #"untrusted("expired")"#
        check([
            "none", "none", untrusted, untrusted, untrusted, untrusted, untrusted, untrusted, untrusted, "none", "none",
            untrusted, "none", untrusted, untrusted,
        ]) {
            $0.fail(.untrusted("expired"))
            $0.close()
        }
    }

    @Test func anUnreachableMachine() {
        check([
            "close none", "close none", "close runnerDeclaredUnreachable", "close runnerDeclaredUnreachable",
            "close runnerDeclaredUnreachable",
            "close runnerDeclaredUnreachable", "closedDuringResponse", "closedDuringResponse", "ended", "none",
            "close none",
            #"close malformed("not an HTTP/1 response")"#, "close none", "close runnerDeclaredUnreachable",
            "closedDuringResponse",
        ]) {
            $0.loseMachine()
            $0.close()
        }
    }

    /// A 408 on a connection that was idle is about the connection (RFC 9110 §15.5.9).
    @Test func timeoutsOfTheEngine() {
        let timeout = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
        check([
            "close none", "close none", "head(408) end(close) none", "head(408) end(keep) none",
            "close staleConnection",
            #"close malformed("not an HTTP/1 response")"#, "body(HT) end(close,served) none",
            "body(H) end(close,served) none", "body(\(timeout)) ended", "end(close,served) none", "close none",
            #"malformed("not an HTTP/1 response")"#, "close none", "head(408) end(close) none",
            "body(H) end(close,served) none",
        ]) {
            $0.receive(timeout)
            $0.close()
        }
    }

    @Test func bytesBeforeTheRequestWasWritten() {
        var connection = Situation.again.connection
        #expect(connection.record { $0.receive(Self.head, requestIsPending: true) } == "close")
        #expect(connection.record { $0.close() } == "staleConnection")
        // On a new connection they may be the engine's response to the head of the request.
        connection = Situation.first.connection
        #expect(connection.record { $0.receive(Self.head, requestIsPending: true) } == "head(200)")
        // After the beginning of a response they are its rest.
        connection = Situation.partialHead.connection
        #expect(connection.record { $0.receive("00 OK\r\n", requestIsPending: true) } == "")
        connection = Situation.again.connection
        #expect(connection.record { $0.receive(Self.head) } == "head(200)")
        #expect(connection.record { $0.receive("ok", requestIsPending: true) }.hasPrefix("body"))
    }

    @Test func aSwitchOfProtocols() {
        var connection = Situation.first.connection
        #expect(connection.record { $0.receive("HTTP/1.1 101 Switching Protocols\r\n\r\nx") } == "close")
        #expect(connection.record { $0.close() } == #"malformed("the engine switches protocols")"#)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "end(keep,served)"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, "end(close,served)"),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false, "end(close,served)"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "end(close,served)"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore", false, "end(close,served)"),
        ("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nok", false, "end(keep)"),
        ("HTTP/1.1 299 OK\r\nContent-Length: 0\r\n\r\n", false, "end(keep,served)"),
        ("HTTP/1.1 300 No\r\nContent-Length: 0\r\n\r\n", false, "end(keep)"),
    ])
    func theConnectionAfterAResponse(text: String, isLast: Bool, expected: String) {
        var connection = DrivenUpstream()
        connection.begin(isLast: isLast)
        connection.receive(text)
        #expect(connection.actions.last == expected)
        #expect(connection.state.isReusable(at: connection.now) == expected.hasPrefix("end(keep"))
    }

    // MARK: Callers

    @Test func aReleasedResponseIsDropped() {
        check([
            "", "", "awaitEnd", "awaitEnd", "awaitEnd", "awaitEnd", "awaitEnd", "awaitEnd", "awaitEnd", "awaitEnd", "",
            "awaitEnd", "", "awaitEnd", "awaitEnd",
        ]) { $0.release() }
        var connection = Situation.released.connection
        #expect(connection.record { $0.receive("k") } == "end(keep,served)")
        #expect(connection.state.isReusable(at: connection.now))
    }

    /// Several reads may follow the release; all of them are limited together.
    @Test func aReleasedResponseMustEndSoon() {
        var connection = Situation.open.connection
        connection.release()
        let half = String(repeating: "x", count: UpstreamConnectionState.maxDropped / 2)
        #expect(connection.record { $0.receive(half) } == "awaitEnd")
        #expect(connection.record { $0.receive(half) } == "awaitEnd")
        #expect(connection.record { $0.receive("x") } == "close")
        #expect(!connection.state.isReusable(at: connection.now))
        connection = Situation.released.connection
        #expect(connection.record { $0.fireTimer() } == "close")
        #expect(connection.record { $0.close() } == "none")
        #expect(!connection.state.isReusable(at: connection.now))
    }

    @Test func aReleaseDuringADeliveryTakesEffectAtItsEnd() {
        var connection = DrivenUpstream()
        connection.afterBody = .release
        connection.begin()
        #expect(
            connection.record { $0.receive("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok") }
                == "head(200) body(ok) awaitEnd")
        connection = DrivenUpstream()
        connection.afterBody = .release
        connection.begin()
        #expect(connection.record { $0.receive(Self.head + "ok") } == "head(200) body(ok) end(keep,served)")
    }

    @Test func nothingIsDeliveredAfterTheCallerHasEndedTheExchange() {
        var connection = DrivenUpstream()
        connection.afterBody = .abandon
        connection.begin()
        #expect(
            connection.record {
                $0.receive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n")
            }
                == "head(200) body(a)")
        #expect(!connection.state.isReusable(at: connection.now))
        #expect(connection.record { $0.close() } == "none")
    }

    @Test func aSuccessfulResponseIsKnownFromItsHead() {
        check(
            Situation.allCases.map { [.head, .body, .open, .released, .early].contains($0) ? "success" : "" }
        ) { $0.note($0.state.responseIsSuccess ? "success" : "") }
    }

    // MARK: Reads

    @Test func onlyOneReadIsOutstanding() {
        check(Situation.allCases.map { _ in "read" }) {
            $0.read()
            $0.read()
        }
        var connection = Situation.head.connection
        connection.read()
        connection.receive("o")
        #expect(connection.record { $0.read() } == "read")
        connection.completeRead()
        #expect(connection.record { $0.read() } == "read", "a read may contain no bytes, with TLS")
    }

    @Test func readsContinueUnlessTheCallerPausesThem() {
        check(Situation.allCases.map { _ in "readOn" }) { $0.completeRead() }
        check([
            "readOn", "readOn", "", "", "", "", "", "", "", "readOn", "readOn", "", "readOn", "", "",
        ]) { $0.completeRead(wantsReads: false) }
    }

    // MARK: Deadlines

    @Test func theTimerIsSetOnlyIfItIsNot() {
        var connection = DrivenUpstream()
        #expect(connection.record { $0.begin() } == "arm")
        connection.receive(Self.head + "ok")
        #expect(connection.record { $0.begin() } == "")
        connection.receive(Self.head + "ok")
        #expect(connection.record { $0.fireTimer() } == "none")
        #expect(connection.record { $0.begin() } == "arm")
    }

    @Test func theTimerAfterARelease() {
        var connection = Situation.released.connection
        connection.receive("k")
        // The timer of the release fires first.
        #expect(connection.record { $0.begin() } == "")
    }

    @Test func aResponseMustBeginInTime() {
        check([
            "none", "none", "wait(30)", "wait(30)", "wait(30)", "wait(30)", "wait(30)", "close", "close", "close",
            "none",
            "wait(30)", "none", "wait(30)", "close",
        ]) {
            $0.pass(.seconds(30))
            $0.fireTimer()
        }
        check([
            "none", "none", "close firstByteTimeout", "close firstByteTimeout", "close firstByteTimeout",
            "close firstByteTimeout", "close firstByteTimeout", "close gapTimeout", "close gapTimeout", "close none",
            "none", "close firstByteTimeout", "none", "close firstByteTimeout", "close gapTimeout",
        ]) {
            $0.pass(.seconds(60))
            $0.fireTimer()
            if $0.actions.last == "close" { $0.close() }
        }
    }

    @Test func pausedReadsDoNotCount() {
        check([
            "none", "none", "wait(30)", "wait(30)", "wait(30)", "wait(30)", "wait(30)", "wait(30)", "wait(30)", "close",
            "none", "wait(30)", "none", "wait(30)", "wait(30)",
        ]) {
            $0.pass(.seconds(60))
            $0.fireTimer(wantsReads: false)
        }
        var connection = Situation.body.connection
        connection.pass(.seconds(60))
        connection.fireTimer(wantsReads: false)
        connection.pass(.seconds(29))
        #expect(connection.record { $0.fireTimer() } == "wait(1)")
        connection.state.readingResumed(at: connection.now)
        #expect(connection.record { $0.fireTimer() } == "wait(30)")
    }

    /// Progress is the end of the request, and every piece of the body.
    @Test func progressMovesTheDeadline() {
        var connection = DrivenUpstream()
        connection.begin(isWritten: false)
        connection.pass(.seconds(50))
        connection.write()
        connection.pass(.seconds(30))
        #expect(connection.record { $0.fireTimer() } == "wait(30)")
        connection.receive(Self.openHead + "x")
        connection.pass(.seconds(29))
        #expect(connection.record { $0.fireTimer() } == "wait(1)")
        connection.receive("y")
        connection.pass(.seconds(29))
        #expect(connection.record { $0.fireTimer() } == "wait(1)")
    }

    /// The request of an earlier exchange may be reported late.
    @Test func aLateWriteConcernsItsOwnExchange() {
        var connection = Situation.again.connection
        connection = Situation.kept.connection
        connection.begin(isWritten: false)
        connection.state.requestWritten(1, at: connection.now)
        #expect(connection.record { $0.receive(Self.head + "ok") } == "head(200) body(ok) end(close,served)")
    }

    @Test func lifetimesOfIdleConnections() {
        var connection = Situation.kept.connection
        connection.pass(.seconds(59))
        #expect(connection.state.isReusable(at: connection.now))
        #expect(connection.state.expiresAt == connection.now + .seconds(1))
        connection.pass(.seconds(1))
        #expect(!connection.state.isReusable(at: connection.now))
        #expect(!Situation.first.connection.state.isReusable(at: .uptimeNanoseconds(0)), "it is in use")
    }

    /// A connection that is in use all the time is replaced, too.
    @Test func connectionsHaveAMaximumAge() {
        var connection = DrivenUpstream()
        for minute in 1...60 {
            connection.begin()
            let action = connection.record { $0.receive(Self.head + "ok") }
            #expect(action.hasSuffix("end(keep,served)"), "after \(minute) minutes")
            #expect(connection.state.expiresAt <= .uptimeNanoseconds(0) + .hours(1))
            connection.pass(.seconds(59))
        }
        connection.pass(.minutes(1))
        connection.begin()
        #expect(connection.record { $0.receive(Self.head + "ok") }.hasSuffix("end(close,served)"))
    }
}
