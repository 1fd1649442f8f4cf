import NIOCore
import NIOHTTP1
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// Every event in every state of a client's HTTP/1 connection.
@Suite struct ClientConnectionStateTests {
    private static let request = "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
    private static let other = "POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"

    enum Situation: String, CaseIterable {
        case idle, partialHead, reading, readingControl, readingBegun, readingAnswered, awaiting, begun, pipelined
        case completed, refused, draining, drainingCall, closed

        var connection: DrivenConnection {
            var connection = DrivenConnection()
            switch self {
            case .idle: break
            case .partialHead: connection.receive("POST /v1")
            case .reading: connection.receive(request + "{")
            case .readingControl: connection.receive(other + "{")
            case .readingBegun:
                connection.receive(request + "{")
                connection.write()
            case .readingAnswered:
                connection.receive(request + "{")
                connection.write()
                connection.complete()
            case .awaiting: connection.receive(request + "{}")
            case .begun:
                connection.receive(request + "{}")
                connection.write()
            case .pipelined: connection.receive(request + "{}" + other + "{}")
            case .completed:
                connection.receive(request + "{}")
                connection.write(keepAlive: false)
                connection.complete()
            case .refused: connection.receive("bad\r\n")
            case .draining:
                connection.beginDrain()
            case .drainingCall:
                connection.receive(request + "{}")
                connection.beginDrain()
            case .closed: connection.state.connectionClosed()
            }
            return connection
        }
    }

    /// - Parameter expected: the actions by situation, in the order of `Situation.allCases`.
    private func check(
        _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation,
        _ event: (inout DrivenConnection) -> Void
    ) {
        let found = Situation.allCases.map { situation in
            var connection = situation.connection
            return "\(situation): \(connection.record(event))"
        }
        let wanted = zip(Situation.allCases, expected).map { "\($0): \($1)" }
        for (found, wanted) in zip(found, wanted) { #expect(found == wanted, sourceLocation: sourceLocation) }
        #expect(found.count == wanted.count, sourceLocation: sourceLocation)
    }

    @Test func theRestOfARequestIsDelivered() {
        check([
            "respond(invalid_request)", "respond(invalid_request)", "dataPlane(}) end(dataPlane)",
            "controlPlane(}) end(controlPlane)", "dataPlane(}) end(dataPlane)",
            "dataPlane(}) end(dataPlane) ended(keepOpen) respond(invalid_request)", "", "", "", "", "", "", "", "",
        ]) { $0.receive("}\r\nbad\r\n") }
    }

    @Test func anotherRequestIsDeliveredOnlyBetweenExchanges() {
        check([
            "offer(/other) controlPlane({}) end(controlPlane)", "respond(invalid_request)",
            "dataPlane(P) end(dataPlane)",
            "controlPlane(P) end(controlPlane)", "dataPlane(P) end(dataPlane)",
            "dataPlane(P) end(dataPlane) ended(keepOpen) respond(invalid_request)", "", "", "", "", "", "", "", "",
        ]) { $0.receive(Self.other + "{}") }
    }

    @Test func theEndOfInputRefusesAnIncompleteRequest() {
        check([
            "inputEnded", "respond(invalid_request) inputEnded", "respond(invalid_request) inputEnded",
            "respond(invalid_request) inputEnded", "close inputEnded", "closeOutput inputEnded", "inputEnded",
            "inputEnded", "later", "inputEnded", "inputEnded", "inputEnded", "inputEnded", "inputEnded",
        ]) { $0.closeInput() }
    }

    @Test func aResponseEndsTheExchangeOfACompleteRequest() {
        check([
            "awaitRequest", "awaitRequest", "awaitRequest", "awaitRequest", "awaitRequest", "awaitRequest",
            "ended(keepOpen,next)", "ended(keepOpen,next)",
            "ended(keepOpen,next) offer(/other) controlPlane({}) end(controlPlane)", "awaitRequest", "awaitRequest",
            "awaitRequest", "ended(closeWhenSent,next)", "awaitRequest",
        ]) { $0.complete() }
    }

    @Test func nothingIsDeliveredAfterTheLastResponse() {
        check(["", "", "", "", "", "", "", "", "", "", "", "", "", ""]) {
            $0.state.responseBegan(isLast: true)
            _ = $0.state.responseCompleted(isLast: false, isWritable: true, at: $0.now)
            // Of the situations in which the exchange has ended, none delivers this request.
            if $0.state.evicted() == .close || $0.state.readsAhead { return }
            $0.deliver()
        }
        for isLastByHead in [true, false] {
            var connection = Situation.awaiting.connection
            connection.state.responseBegan(isLast: isLastByHead)
            connection.complete(isLast: !isLastByHead)
            #expect(connection.record { $0.receive(Self.other) } == "")
            #expect(connection.record { $0.read() } == "read", "the end of the client's input is detected")
        }
    }

    @Test func headsOfTheControlPlane() {
        check(
            Situation.allCases.map {
                switch $0 {
                case .refused, .closed: "drop"
                case .draining, .drainingCall: "writeAsLast"
                default: "write"
                }
            }
        ) { $0.write() }
        check(
            Situation.allCases.map { [.refused, .closed].contains($0) ? "drop" : "write" }
        ) { $0.write(keepAlive: false) }
    }

    @Test func anInterimHeadDoesNotBeginTheResponse() {
        var connection = Situation.reading.connection
        connection.write(100)
        #expect(connection.record { $0.closeInput() } == "respond(invalid_request) inputEnded")
    }

    @Test func readsAreHeldBackWhileARequestIsAnswered() {
        check([
            "read", "read", "read", "read", "read", "read", "hold", "hold", "hold", "read", "read", "read", "hold",
            "read",
        ]) { $0.read() }
        check(
            Situation.allCases.map { [.awaiting, .begun, .drainingCall].contains($0) ? "ahead" : "" }
        ) { $0.note($0.state.readsAhead ? "ahead" : "") }
    }

    @Test func aHeldReadIsReleasedByTheEndOfTheExchange() {
        var connection = Situation.awaiting.connection
        connection.read()
        #expect(connection.record { $0.complete() } == "ended(keepOpen,next) read")
        #expect(connection.record { $0.note($0.state.readReleased() ? "again" : "") } == "")
    }

    /// A pipelined request keeps the read held back.
    @Test func aHeldReadWaitsForPipelinedRequests() {
        var connection = Situation.pipelined.connection
        connection.read()
        connection.complete()
        #expect(!connection.actions.contains("read"))
        #expect(connection.record { $0.complete() } == "ended(keepOpen,next) read")
    }

    @Test func theEndOfAReadIsReportedOncePerPassedPart() {
        check(
            Situation.allCases.map { $0 == .readingControl ? "report" : "" }
        ) { $0.note($0.state.readCompleted() ? "report" : "") }
        var connection = Situation.readingControl.connection
        #expect(connection.state.readCompleted() && !connection.state.readCompleted())
        connection.receive("}")
        #expect(connection.state.readCompleted() && !connection.state.readCompleted())
    }

    @Test func aGETGoesToTheControlPlane() {
        var connection = DrivenConnection()
        let actions = connection.record { $0.receive("GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n") }
        #expect(actions == "head(/v1/models) end(controlPlane)")
        #expect(connection.state.readCompleted() == true)
    }

    @Test func evictionClosesOnlyIdleConnections() {
        check(
            Situation.allCases.map {
                [.idle, .completed, .draining, .closed, .refused].contains($0) ? "close" : "keepOpen"
            }
        ) { $0.note("\($0.state.evicted())") }
    }

    @Test func bytesAfterAnUpgrade() {
        check(
            Situation.allCases.map { [.partialHead, .pipelined].contains($0) ? "surplus" : "" }
        ) { $0.note($0.state.hasBytesAfterUpgrade ? "surplus" : "") }
    }

    // MARK: Deadlines

    @Test func drainingClosesIdleConnections() {
        check([
            "drain closeWhenSent", "drain closeWhenSent", "drain", "drain", "drain", "drain", "drain", "drain",
            "drain", "drain closeWhenSent", "", "", "", "",
        ]) { $0.beginDrain() }
    }

    @Test func theEndOfTheDrainTimeEndsCalls() {
        check(
            Situation.allCases.map { $0 == .drainingCall || $0 == .draining ? "endCall close" : "close close" }
        ) {
            $0.expireDrain(isCalling: true)
            $0.expireDrain(isCalling: true)
        }
        check(Situation.allCases.map { _ in "close" }) { $0.expireDrain(isCalling: false) }
    }

    @Test func theIdleTimeoutClosesConnectionsThatWaitForTheirClient() {
        check([
            "close", "close", "refuseBody", "refuseBody", "refuseBody", "refuseBody", "wait", "wait", "wait", "close",
            "close", "close", "wait", "close",
        ]) {
            // The bytes of a body earn a little time.
            $0.pass(DrivenConnection.idleTimeout + .seconds(1))
            $0.fireIdleTimer()
        }
    }

    @Test func readsThatTheGatewayHoldsBackAreNotSlow() {
        var connection = Situation.reading.connection
        connection.pass(DrivenConnection.idleTimeout + .seconds(1))
        #expect(connection.record { $0.fireIdleTimer(holdsReads: true) } == "wait")
        connection.pass(DrivenConnection.idleTimeout + .seconds(1))
        #expect(connection.record { $0.fireIdleTimer() } == "refuseBody")
    }

    /// A client that reads a response slowly is not idle, one that does not read it is.
    @Test func readersOfAResponse() {
        var connection = Situation.begun.connection
        for unsent in [100, 60, 20] {
            connection.pass(DrivenConnection.idleTimeout)
            #expect(connection.record { $0.fireIdleTimer(isWritable: false, unsentBytes: unsent) } == "wait")
        }
        connection.pass(DrivenConnection.idleTimeout)
        #expect(connection.record { $0.fireIdleTimer(isWritable: false, unsentBytes: 20) } == "close")
    }

    /// After a complete response that is not sent yet, the first check finds progress.
    @Test func anUnsentResponseIsNotIdle() {
        for isWritable in [true, false] {
            var connection = Situation.awaiting.connection
            connection.complete(isWritable: isWritable)
            connection.pass(DrivenConnection.idleTimeout)
            let action = connection.record { $0.fireIdleTimer(isWritable: isWritable) }
            #expect(action == (isWritable ? "close" : "wait"))
        }
    }

    @Test func slowBodiesAreRefused() {
        check([
            "close", "close", "respond(request_timeout)", "respond(request_timeout)", "close", "close",
            "respond(request_timeout)", "close", "respond(request_timeout)", "close", "close", "close",
            "respond(request_timeout)", "close",
        ]) { $0.refuseSlowBody() }
    }

    /// Only complete heads count as activity.
    @Test func idleTimeBeginsWithTheLatestHeadEndOrResponse() {
        var connection = DrivenConnection()
        connection.pass(.seconds(5))
        connection.receive("POST /v1/x HTTP/1.1\r\n")
        #expect(connection.state.idleSince == .uptimeNanoseconds(0))
        connection.receive("Host: h\r\nContent-Length: 2\r\n\r\n")
        #expect(connection.state.idleSince == connection.now)
        connection.pass(.seconds(5))
        connection.receive("{}")
        #expect(connection.state.idleSince == connection.now)
        connection.pass(.seconds(5))
        connection.complete()
        #expect(connection.state.idleSince == connection.now)
        #expect(connection.state.idleDeadline == connection.now + DrivenConnection.idleTimeout)
    }

    @Test func theEndOfInputFollowsThePipelinedRequests() {
        var connection = Situation.pipelined.connection
        #expect(connection.record { $0.closeInput() } == "later")
        #expect(
            connection.record { $0.complete() }
                == "ended(keepOpen,next) offer(/other) controlPlane({}) end(controlPlane)")
        #expect(connection.record { $0.complete() } == "ended(keepOpen,next) inputEnded")
        #expect(connection.record { $0.deliver() } == "")
        var incomplete = DrivenConnection()
        incomplete.receive(Self.request + "{}" + Self.other)
        #expect(incomplete.record { $0.closeInput() } == "later")
        #expect(
            incomplete.record { $0.complete() }
                == "ended(keepOpen,next) offer(/other) respond(invalid_request) inputEnded")
    }

    @Test func nothingMayBeWrittenAfterARefusal() {
        for situation in Situation.allCases {
            let isRefused = situation == .refused || situation == .closed
            #expect(situation.connection.state.isOpen == !isRefused, "\(situation)")
        }
        var connection = Situation.readingBegun.connection
        #expect(connection.record { $0.closeInput() } == "close inputEnded")
        #expect(!connection.state.isOpen)
        var answered = Situation.readingAnswered.connection
        #expect(answered.record { $0.closeInput() } == "closeOutput inputEnded")
        #expect(!answered.state.isOpen)
    }

    /// The rest of a request whose last response is complete is not refused: its writer closes the connection.
    @Test func theRestOfTheLastRequestIsNotRefused() {
        var connection = Situation.reading.connection
        connection.write(keepAlive: false)
        connection.complete()
        #expect(connection.record { $0.closeInput() } == "inputEnded")
        #expect(connection.state.isOpen)
        #expect(connection.record { $0.receive("}" + Self.other) } == "")
    }

    // MARK: Rare sequences

    @Test func bytesOfABodyEarnTime() {
        var connection = DrivenConnection()
        connection.receive("POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
        connection.receive(String(repeating: "x", count: 50_000))
        connection.pass(DrivenConnection.idleTimeout)
        #expect(connection.record { $0.fireIdleTimer() } == "wait")
    }

    @Test func aHeadAloneIsReported() {
        var connection = DrivenConnection()
        connection.receive(Self.other)
        #expect(connection.state.readCompleted() == true)
    }

    @Test func aDeliveryIsNotReentered() {
        var connection = DrivenConnection()
        connection.state.bytesReceived(ByteBuffer(string: Self.request))
        #expect(connection.state.deliveryBegan() == true)
        #expect(connection.state.deliveryBegan() == false)
        while connection.state.nextDelivery(at: connection.now) != nil {}
        #expect(connection.state.deliveryBegan() == true)
    }

    @Test func bytesAfterARefusalAreNotKept() {
        var connection = Situation.refused.connection
        connection.receive(Self.request)
        #expect(!connection.state.hasBytesAfterUpgrade)
    }

    @Test func aClosedConnectionHoldsNoReadsAndStaysClosed() {
        var connection = Situation.awaiting.connection
        connection.state.responseBegan(isLast: true)
        connection.state.connectionClosed()
        #expect(connection.record { $0.read() } == "read")
        connection.complete()
        #expect(!connection.state.isOpen)
    }

    /// While the gateway shuts down, each response is the last.
    @Test func aResponseDuringTheDrainTimeIsTheLast() {
        var connection = Situation.reading.connection
        connection.beginDrain()
        connection.write()
        connection.complete()
        #expect(connection.record { $0.closeInput() } == "inputEnded")
    }

    @Test func aRefusalDuringTheDrainTimeIsNotFollowedByAnError() {
        var connection = Situation.reading.connection
        connection.beginDrain()
        connection.closeInput()
        #expect(connection.record { $0.expireDrain(isCalling: true) } == "close")
    }
}
