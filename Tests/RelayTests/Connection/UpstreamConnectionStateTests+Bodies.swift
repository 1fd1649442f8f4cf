import NIOCore
import Testing

@testable import Relay

/// Request bodies that are sent in pieces.
extension UpstreamConnectionStateTests {
    /// A response that has begun does not end the request; a response that is dropped or complete does.
    @Test func piecesOfTheBodyAreRead() {
        check(Situation.allCases.map { [.sending, .early].contains($0) ? "body" : "" }) { $0.askForBody() }
        for end in [
            { (connection: inout DrivenUpstream) in connection.receive(Self.head + "ok") }, { $0.release() },
            { $0.state.exchangeAbandoned() }, { $0.state.closeRequested() }, { $0.loseMachine() }, { $0.fail(.other) },
            { $0.close() }, { $0.state.bodyFailed("gone") },
        ] {
            var connection = Situation.sending.connection
            end(&connection)
            #expect(!connection.state.wantsBody)
        }
    }

    @Test func aBodyEndsWithItsLastByte() {
        var connection = Situation.sending.connection
        #expect(connection.record { $0.readBody(4) } == "write")
        #expect(connection.record { $0.askForBody() } == "body")
        #expect(connection.record { $0.readBody(6) } == "last")
        #expect(connection.record { $0.askForBody() } == "")
        connection.writeBody(10)
        connection.write()
        #expect(connection.record { $0.receive(Self.head + "ok") } == "head(200) body(ok) end(keep,served)")
        #expect(connection.state.isReusable(at: connection.now))
    }

    /// The rest of the response may depend on the rest of the request.
    @Test func anEarlyResponseDoesNotEndTheBody() {
        var connection = Situation.early.connection
        #expect(connection.record { $0.readBody(10) } == "last")
        connection.writeBody(10)
        connection.write()
        #expect(connection.record { $0.receive("k") } == "body(k) end(keep,served)")
    }

    /// Surplus bytes would be read as the next request, and missing bytes would wait forever.
    @Test func aBodyOfAnotherLengthClosesTheConnection() {
        for count in [0, 11] {
            var connection = Situation.sending.connection
            #expect(connection.record { $0.readBody(count) } == "close")
            #expect(
                connection.record { $0.close() } == #"bodyUnavailable("its length is not the announced one")"#)
        }
        check(Situation.allCases.map { [.sending, .early].contains($0) ? "last" : "close" }) { $0.readBody(10) }
    }

    @Test func readingWaitsForTheSocket() {
        let (max, piece) = (UpstreamConnectionState.maxUnsent, UpstreamConnectionState.maxUnsent / 2)
        var connection = DrivenUpstream()
        connection.begin(isWritten: false, unreadBytes: 10 * max)
        connection.readBody(piece)
        #expect(connection.record { $0.askForBody() } == "body")
        connection.readBody(piece)
        #expect(connection.record { $0.askForBody() } == "")
        connection.writeBody(1)
        #expect(connection.record { $0.askForBody() } == "body")
        // A late report of an earlier exchange.
        connection.readBody(1)
        connection.state.bodyWritten(0, 1, at: connection.now)
        #expect(connection.record { $0.askForBody() } == "")
    }

    @Test func aLostBodyFailsTheExchange() {
        var connection = Situation.sending.connection
        connection.state.bodyFailed("disk error")
        #expect(connection.record { $0.close() } == #"bodyUnavailable("disk error")"#)
    }

    /// Each piece that the socket accepts is progress.
    @Test func piecesMoveTheDeadline() {
        var connection = Situation.sending.connection
        connection.readBody(4)
        connection.pass(.seconds(59))
        connection.writeBody(4)
        connection.pass(.seconds(30))
        #expect(connection.record { $0.fireTimer() } == "wait(30)")
        connection.pass(.seconds(30))
        #expect(connection.record { $0.fireTimer() } == "close")
    }

    /// While pieces of the body are pending, the engine may already respond.
    @Test func anEarlyResponseIsNotTakenForAStaleConnection() {
        var connection = Situation.kept.connection
        connection.begin(isWritten: false, unreadBytes: 10)
        #expect(connection.record { $0.receive(Self.head, requestIsPending: true) } == "close")
        connection = Situation.kept.connection
        connection.begin(isWritten: false, unreadBytes: 10)
        connection.state.requestHeadWritten(2)
        #expect(connection.record { $0.receive(Self.head, requestIsPending: true) } == "head(200)")
    }
}
