import RunnerProtocol
import SimpleAICore
import TestSupport
import Testing

@testable import FleetControl

@Suite struct RunnerSessionTests {
    private let start = ContinuousClock.now
    private static let healthy = RunnerStatus(health: .healthy)

    private func session(_ change: (inout AgentRules) -> Void = { _ in }) -> RunnerSession {
        var rules = AgentRules(token: "secret")
        change(&rules)
        return RunnerSession(rules: rules, peer: "10.0.0.7", now: start)
    }

    private static func registration(
        _ id: RunnerID = "gpu-1", token: String = "secret", _ change: (inout Registration) -> Void = { _ in }
    ) -> Registration {
        var registration = Registration(runnerID: id, runnerName: "GPU", authToken: token, status: healthy)
        change(&registration)
        return registration
    }

    /// A session whose registration was accepted.
    private func joined() -> RunnerSession {
        var session = session()
        _ = session.messageArrived(.register(Self.registration()), now: start)
        _ = session.joined("gpu-1", extensions: [], now: start)
        return session
    }

    private func codes(_ actions: [RunnerSession.Action]) -> [ProtocolErrorCode] {
        actions.compactMap { if case .send(.error(let code, _)) = $0 { code } else { nil } }
    }

    // MARK: Opening

    @Test func aGoodRegistrationIsHandedToTheRegistry() {
        var session = session()
        let registration = Self.registration()
        let actions = session.messageArrived(.register(registration), now: start)
        #expect(actions == [.join(registration, AgentAddress(host: "10.0.0.7", port: 8080))])
        #expect(!session.isJoined)
        #expect(
            session.joined("gpu-1", extensions: [.sleep], now: start)
                == [.send(.registerAck("gpu-1", extensions: [.sleep]))])
        #expect(session.isJoined)
    }

    @Test func aRejectedRegistrationIsReportedAndClosed() {
        var session = session()
        _ = session.messageArrived(.register(Self.registration()), now: start)
        let actions = session.refused(AgentRefusal(.protocolError, "full"))
        #expect(
            actions == [
                .countError(.protocolError), .send(.error(.protocolError, message: "full")), .close,
            ])
        #expect(session.joined("gpu-1", extensions: [], now: start).isEmpty)
        #expect(session.closed().isEmpty)
    }

    @Test func closesIfNoRegistrationArrivesInTime() {
        var session = session()
        let deadline = start.advanced(by: .seconds(10))
        #expect(session.nextDeadline == deadline)
        #expect(session.timePassed(now: start.advanced(by: .milliseconds(9_999))).isEmpty)
        let actions = session.timePassed(now: deadline)
        #expect(codes(actions) == [.timeout] && actions.last == .close)
        #expect(session.nextDeadline == nil)
    }

    @Test(arguments: [
        RunnerMessage.heartbeat(healthy), .statusUpdate(healthy),
        .commandResponse(CommandResponse(requestID: "r", success: true)),
    ])
    func anotherFirstMessage(_ message: RunnerMessage) {
        var session = session()
        let actions = session.messageArrived(message, now: start)
        #expect(codes(actions) == [.protocolError] && actions.last == .close)
    }

    @Test func anUnknownFirstMessage() {
        var session = session()
        #expect(codes(session.messageArrived(nil, now: start)) == [.protocolError])
    }

    @Test func garbageFirst() {
        var session = session()
        let actions = session.faultArrived(.malformed(at: ""), now: start)
        #expect(codes(actions) == [.parseError] && actions.last == .close)
    }

    @Test func aBinaryFrameFirst() {
        var session = session()
        #expect(codes(session.binaryArrived()) == [.protocolError])
    }

    @Test func aWrongTokenNeverJoins() {
        var session = session()
        let actions = session.messageArrived(.register(Self.registration(token: "guess")), now: start)
        #expect(codes(actions) == [.authFailed] && actions.last == .close)
        // A valid registration that follows a wrong token is ignored.
        #expect(session.messageArrived(.register(Self.registration()), now: start).isEmpty)
    }

    // MARK: Joined

    @Test func statusesAreReports() {
        var session = joined()
        #expect(session.messageArrived(.heartbeat(Self.healthy), now: start) == [.report(Self.healthy)])
        #expect(session.messageArrived(.statusUpdate(Self.healthy), now: start) == [.report(Self.healthy)])
        let response = CommandResponse(requestID: "r", success: false, error: "no", status: Self.healthy)
        #expect(
            session.messageArrived(.commandResponse(response), now: start)
                == [.report(Self.healthy), .commandResponse(response)])
        #expect(session.messageArrived(nil, now: start).isEmpty)
    }

    @Test func silenceIsProbedAndThenEndsTheSession() {
        var session = joined()
        let (half, whole) = (start.advanced(by: .seconds(45)), start.advanced(by: .seconds(90)))
        #expect(session.nextDeadline == half)
        #expect(session.timePassed(now: half) == [.send(.ping(timestamp: 0))])
        #expect(session.nextDeadline == whole)
        #expect(session.timePassed(now: whole) == [.left, .close])
        // The socket closes later, and does not count as a second end.
        #expect(session.closed().isEmpty)
    }

    @Test func everyMessageRestartsTheTimeout() {
        var session = joined()
        var now = start
        for message in [RunnerMessage.heartbeat(Self.healthy), nil, .statusUpdate(Self.healthy)] {
            now = now.advanced(by: .seconds(80))
            _ = session.timePassed(now: now)
            _ = session.messageArrived(message, now: now)
            #expect(session.nextDeadline == now.advanced(by: .seconds(45)))
        }
        #expect(session.isJoined)
    }

    @Test func garbageDoesNotRestartTheTimeout() {
        var session = joined()
        _ = session.faultArrived(.malformed(at: "health"), now: start.advanced(by: .seconds(80)))
        #expect(session.nextDeadline == start.advanced(by: .seconds(45)))
    }

    @Test func aValidMessageResetsTheFaultCount() {
        var session = joined()
        for _ in 1...50 {
            for _ in 1..<RunnerSession.maxFaultsInARow {
                let actions = session.faultArrived(.malformed(at: "health"), now: start)
                #expect(codes(actions) == [.parseError] && !actions.contains(.close))
            }
            _ = session.messageArrived(.heartbeat(Self.healthy), now: start)
        }
        var actions: [RunnerSession.Action] = []
        for _ in 1...RunnerSession.maxFaultsInARow {
            actions = session.faultArrived(.malformed(at: "health"), now: start)
        }
        #expect(actions.suffix(2) == [.left, .close])
    }

    @Test func aSecondRegistrationIsAProtocolError() {
        var session = joined()
        let actions = session.messageArrived(.register(Self.registration()), now: start)
        #expect(codes(actions) == [.protocolError] && actions.suffix(2) == [.left, .close])
    }

    @Test func aReplacedSessionSendsNothing() {
        var session = joined()
        #expect(session.replaced() == [.close])
        #expect(session.messageArrived(.heartbeat(Self.healthy), now: start).isEmpty)
        #expect(session.timePassed(now: start.advanced(by: .seconds(900))).isEmpty)
        #expect(session.closed().isEmpty)
    }

    @Test func aClosedSocketIsReportedOnce() {
        var session = joined()
        #expect(session.closed() == [.left])
        #expect(session.closed().isEmpty)
    }

    /// For any sequence of events: joined at most once, left exactly once if joined, no action after the end.
    @Test func invariantsHoldForRandomEvents() {
        var generator = SeededGenerator(seed: 11)
        for _ in 1...2_000 {
            var session = session()
            var now = start
            var (joins, leaves, hasClosed) = (0, 0, false)
            for _ in 1...30 {
                now = now.advanced(by: .seconds(Int.random(in: 0...60, using: &generator)))
                var actions: [RunnerSession.Action]
                switch Int.random(in: 0..<11, using: &generator) {
                case 0: actions = session.messageArrived(.register(Self.registration()), now: now)
                case 1: actions = session.messageArrived(.register(Self.registration(token: "x")), now: now)
                case 2, 3: actions = session.messageArrived(.heartbeat(Self.healthy), now: now)
                case 4: actions = session.messageArrived(nil, now: now)
                case 5: actions = session.faultArrived(.tooLarge, now: now)
                case 6: actions = Int.random(in: 0..<5, using: &generator) == 0 ? session.binaryArrived() : []
                case 7: actions = session.timePassed(now: now)
                case 8: actions = session.joined("gpu-1", extensions: [], now: now)
                case 9: actions = Int.random(in: 0..<5, using: &generator) == 0 ? session.replaced() : []
                default: actions = Int.random(in: 0..<5, using: &generator) == 0 ? session.closed() : []
                }
                #expect(!hasClosed || actions.isEmpty)
                joins += actions.count { if case .send(.registerAck) = $0 { true } else { false } }
                leaves += actions.count { $0 == .left }
                if actions.contains(.close) { hasClosed = true }
            }
            leaves += session.closed().count
            #expect(joins <= 1)
            #expect(leaves <= joins)
        }
    }

    /// A gateway whose own host was suspended has received nothing for long: its agents get time to respond first.
    @Test func anAgentHasTimeToRespondHoweverLateThePingIs() throws {
        var session = joined()
        let late = start.advanced(by: .seconds(3600))
        #expect(session.timePassed(now: late) == [.send(.ping(timestamp: 0))])
        let deadline = try #require(session.nextDeadline)
        #expect(late.duration(to: deadline) == .seconds(10))
        #expect(session.timePassed(now: late.advanced(by: .seconds(9))).isEmpty)
        _ = session.messageArrived(.heartbeat(Self.healthy), now: late.advanced(by: .seconds(9)))
        #expect(session.timePassed(now: deadline).isEmpty && session.isJoined)
    }
}
