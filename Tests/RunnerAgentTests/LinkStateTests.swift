import RunnerProtocol
import SimpleAICore
import Testing

@testable import RunnerAgent

@Suite struct LinkStateTests {
    private static let all: Set<ProtocolExtension> = [.slots, .power, .sleep, .httpAuth]

    private func state(offers: Set<ProtocolExtension> = all) -> LinkState {
        var times = LinkState.Times()
        times.heartbeat = .seconds(15)
        return LinkState(times: times, offers: offers) { 1 }
    }

    private func joined(_ extensions: Set<ProtocolExtension> = all) -> LinkState {
        var state = state()
        _ = state.handle(.started)
        _ = state.handle(.connected(1))
        _ = state.handle(.received(1, .registerAck("r", extensions: extensions)))
        return state
    }

    @Test func joinsStepByStep() {
        var state = state()
        #expect(state.handle(.started) == [.connect(1)])
        #expect(state.handle(.connected(1)) == [.register, .startTimer(.registration, 1, .seconds(10))])
        #expect(
            state.handle(.received(1, .registerAck("r", extensions: [.slots, .sleep]))) == [
                .agree([.slots, .sleep]), .notify(.joined), .sendStatusUpdate,
                .startTimer(.heartbeat, 1, .seconds(15)),
            ])
        #expect(state.agreed == [.slots, .sleep])
        #expect(
            state.handle(.timerFired(.heartbeat, 1)) == [
                .sendHeartbeat, .startTimer(.heartbeat, 1, .seconds(15)),
            ])
        #expect(state.handle(.statusChanged) == [.sendStatusUpdate])
    }

    /// After a restart, an agent connects without delay; if the gateway is unreachable for a moment, the third attempt
    /// begins less than two seconds after the first.
    @Test func theThirdAttemptBeginsWithinTwoSeconds() {
        var state = LinkState(times: .init(), offers: Self.all) { 1 }
        #expect(state.handle(.started) == [.connect(1)])
        var waited = Duration.zero
        for number in 1...2 {
            for case .startTimer(.retry, _, let time) in state.handle(.connectFailed(number, reason: "x")) {
                waited += time
            }
            #expect(state.handle(.timerFired(.retry, number)) == [.connect(number + 1)])
        }
        #expect(waited > .zero && waited < .seconds(2))
        // The agent sends its status with the registration, and again after the acknowledgement.
        #expect(state.handle(.connected(3)).first == .register)
        #expect(state.handle(.received(3, .registerAck("r", extensions: []))).contains(.sendStatusUpdate))
    }

    /// A version-1 gateway lists no extensions; extensions that only the gateway lists are not agreed.
    @Test func onlyExtensionsThatBothSidesListAreAgreed() {
        var state = state(offers: [.slots])
        _ = state.handle(.started)
        _ = state.handle(.connected(1))
        _ = state.handle(.received(1, .registerAck("r", extensions: [.sleep, .slots])))
        #expect(state.agreed == [.slots])
        #expect(joined([]).agreed == [])
    }

    @Test func backsOffAfterFailures() {
        var state = state()
        _ = state.handle(.started)
        for (number, milliseconds) in [(1, 500), (2, 1_000), (3, 2_000)] {
            #expect(
                state.handle(.connectFailed(number, reason: "x")) == [
                    .notify(.failed(reason: "x", retryAfter: .milliseconds(milliseconds))),
                    .startTimer(.retry, number, .milliseconds(milliseconds)),
                ])
            #expect(state.handle(.timerFired(.retry, number)) == [.connect(number + 1)])
        }
    }

    /// Two machines with one id disconnect each other: only a heartbeat shows that a connection lasts.
    @Test func repeatedDisconnectionsCountAsFailures() {
        var state = joined()
        _ = state.handle(.closed(1, reason: "x"))
        _ = state.handle(.timerFired(.retry, 1))
        _ = state.handle(.connected(2))
        _ = state.handle(.received(2, .registerAck("r")))
        #expect(state.handle(.closed(2, reason: "x")).contains(.startTimer(.retry, 2, .seconds(1))))
        _ = state.handle(.timerFired(.retry, 2))
        _ = state.handle(.connected(3))
        _ = state.handle(.received(3, .registerAck("r")))
        _ = state.handle(.timerFired(.heartbeat, 3))
        #expect(state.handle(.closed(3, reason: "x")).contains(.startTimer(.retry, 3, .milliseconds(500))))
    }

    @Test func aWrongTokenIsRetriedRarely() {
        var state = state()
        _ = state.handle(.started)
        _ = state.handle(.connected(1))
        let actions = state.handle(.received(1, .error(.authFailed, message: "no")))
        #expect(actions.first == .notify(.refused(code: "AUTH_FAILED", message: "no")))
        #expect(actions.contains(.close))
        #expect(actions.contains(.startTimer(.retry, 1, .seconds(15))))
    }

    @Test func disconnectsFromAGatewayThatDoesNotRespond() {
        var state = state()
        _ = state.handle(.started)
        _ = state.handle(.connected(1))
        #expect(state.handle(.timerFired(.registration, 1)).contains(.close))
        #expect(state.phase == .waiting)
    }

    /// The last events of a connection must not affect the connection that replaced it.
    @Test func ignoresEventsOfAnEarlierConnection() {
        var state = joined()
        _ = state.handle(.closed(1, reason: "x"))
        _ = state.handle(.timerFired(.retry, 1))
        _ = state.handle(.connected(2))
        for late: LinkState.Event in [
            .connected(1), .connectFailed(1, reason: "x"), .received(1, .registerAck("r")), .closed(1, reason: "x"),
            .timerFired(.registration, 1), .timerFired(.heartbeat, 1), .timerFired(.retry, 1),
        ] { #expect(state.handle(late) == []) }
        #expect(state.phase == .registering)
    }

    @Test func commandsAreExecutedAndAcknowledged() {
        var state = joined()
        #expect(
            state.handle(.received(1, .loadModel("m", requestID: "a"))) == [
                .perform(.load("m"), requestID: "a", connection: 1)
            ])
        #expect(
            state.handle(.received(1, .unloadModel("m", requestID: "b"))) == [
                .perform(.unload("m"), requestID: "b", connection: 1)
            ])
        #expect(
            state.handle(.commandEnded(1, .load("m"), requestID: "a", failure: nil)) == [
                .respond(requestID: "a", failure: nil, withStatus: true)
            ])
        #expect(
            state.handle(.commandEnded(1, .unload("m"), requestID: "b", failure: "no")) == [
                .respond(requestID: "b", failure: "no", withStatus: true)
            ])
        #expect(
            state.handle(.received(1, .requestStatus(requestID: "c"))) == [
                .respond(requestID: "c", failure: nil, withStatus: true)
            ])
        #expect(state.handle(.received(1, .ping(timestamp: 1))) == [.sendHeartbeat])
    }

    @Test func floodsOfCommandsAreRefused() {
        var state = joined()
        let responses = (0..<20).flatMap { state.handle(.received(1, .loadModel("m", requestID: "\($0)"))) }
        let refusals = responses.filter { if case .respond(_, .some, _) = $0 { true } else { false } }
        #expect(refusals.count == 4)
        _ = state.handle(.commandEnded(1, .load("m"), requestID: "0", failure: nil))
        #expect(
            state.handle(.received(1, .loadModel("m", requestID: "x"))) == [
                .perform(.load("m"), requestID: "x", connection: 1)
            ])
    }

    @Test func sleepNeedsTheExtension() {
        var state = joined([.slots])
        #expect(state.handle(.received(1, .sleep(requestID: "s"))) == [])
    }

    /// The agent responds, closes the connection, and only then runs the command; the machine reconnects when it is awake.
    @Test func closesTheConnectionBeforeItSleeps() {
        var state = joined()
        #expect(
            state.handle(.received(1, .sleep(requestID: "s"))) == [
                .perform(.sleep, requestID: "s", connection: 1)
            ])
        #expect(
            state.handle(.commandEnded(1, .sleep, requestID: "s", failure: nil)) == [
                .respond(requestID: "s", failure: nil, withStatus: false), .close,
            ])
        #expect(state.handle(.statusChanged) == [])
        #expect(
            state.handle(.closed(1, reason: "x")) == [.fallAsleep(1), .startTimer(.suspension, 1, .seconds(15))])
        #expect(state.handle(.resumed) == [.connect(2)])
    }

    @Test func aMachineThatDoesNotFallAsleepReconnects() {
        var failed = joined()
        _ = failed.handle(.commandEnded(1, .sleep, requestID: "s", failure: nil))
        _ = failed.handle(.closed(1, reason: "x"))
        var slow = failed
        #expect(failed.handle(.sleepFailed(1)) == [.connect(2)])
        #expect(slow.handle(.timerFired(.suspension, 1)) == [.noteStayedAwake, .connect(2)])
    }

    @Test func aRefusedSleepChangesNothing() {
        var state = joined()
        #expect(
            state.handle(.commandEnded(1, .sleep, requestID: "s", failure: "2 calls are in progress")) == [
                .respond(requestID: "s", failure: "2 calls are in progress", withStatus: true)
            ])
        #expect(state.isJoined)
    }

    /// A socket from before the suspension may look alive for minutes.
    @Test func reconnectsAfterASuspension() {
        var state = joined()
        #expect(state.handle(.resumed) == [.close, .connect(2)])
        #expect(state.handle(.closed(1, reason: "x")) == [])
        #expect(state.handle(.connected(2)).contains(.register))
    }

    @Test func drainsBeforeItDisconnects() {
        var state = joined()
        #expect(state.handle(.drainBegan) == [.sendStatusUpdate])
        // Heartbeats continue, so that the gateway does not consider a long drain a failure.
        #expect(state.handle(.timerFired(.heartbeat, 1)).contains(.sendHeartbeat))
        #expect(
            state.handle(.received(1, .loadModel("m", requestID: "a"))) == [
                .respond(requestID: "a", failure: "the agent is shutting down", withStatus: false)
            ])
        #expect(state.handle(.finished) == [.close])
        #expect(state.handle(.closed(1, reason: "x")) == [])
        #expect(state.phase == .ended)
    }

    @Test func aDrainingAgentDoesNotReconnect() {
        var state = joined()
        _ = state.handle(.drainBegan)
        let actions = state.handle(.closed(1, reason: "x"))
        #expect(!actions.contains { if case .startTimer = $0 { true } else { false } })
        #expect(state.handle(.finished) == [])
        #expect(state.phase == .ended)
    }

    @Test func ignoresEventsAfterTheEnd() {
        var state = state()
        _ = state.handle(.started)
        _ = state.handle(.finished)
        #expect(state.handle(.connected(1)) == [])
        #expect(state.handle(.resumed) == [])
    }
}
