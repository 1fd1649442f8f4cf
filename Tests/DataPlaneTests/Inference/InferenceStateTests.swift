import Testing

@testable import DataPlane

/// Every event in every state of the data plane's handler.
@Suite struct InferenceStateTests {
    enum Situation: String, CaseIterable {
        case passing, head, calling, ended, discarding, closing

        var state: InferenceState<Int> {
            var state = InferenceState<Int>()
            switch self {
            case .passing: break
            case .head: state.headPassed(isLast: true, isHead: true)
            case .calling: state.callBegan(7)
            case .ended:
                state.callBegan(7)
                state.responseAborted()
            case .discarding:
                state.callBegan(7)
                _ = state.responseEnded(requestIsComplete: false, keepAlive: true)
            case .closing:
                state.callBegan(7)
                _ = state.responseEnded(requestIsComplete: true, keepAlive: false)
            }
            return state
        }
    }

    private func check(
        _ expected: [String], sourceLocation: SourceLocation = #_sourceLocation,
        _ event: (inout InferenceState<Int>) -> String
    ) {
        for (situation, wanted) in zip(Situation.allCases, expected) {
            var state = situation.state
            #expect("\(situation): \(event(&state))" == "\(situation): \(wanted)", sourceLocation: sourceLocation)
        }
        #expect(expected.count == Situation.allCases.count, sourceLocation: sourceLocation)
    }

    @Test func heads() {
        check(["offer", "offer", "close", "ignore", "close", "ignore"]) { "\($0.headReceived())" }
    }

    @Test func partsOfBodies() {
        check(["pass", "pass", "deliver(7)", "ignore", "ignore", "ignore"]) { "\($0.bodyReceived(10))" }
        check(["pass", "pass", "deliver(7)", "ignore", "close", "ignore"]) { "\($0.endReceived())" }
    }

    @Test func discardingIsLimited() {
        var state = Situation.discarding.state
        let limit = InferenceState<Int>.maxDiscardedBytes
        #expect("\(state.bodyReceived(limit - 1))" == "ignore")
        #expect("\(state.bodyReceived(1))" == "ignore")
        #expect("\(state.bodyReceived(1))" == "close")
    }

    @Test func disconnects() {
        check(["pass", "pass", "end(7)", "pass", "close", "ignore"]) { "\($0.clientDisconnected())" }
        var state = Situation.calling.state
        _ = state.clientDisconnected()
        #expect("\(state.clientDisconnected())" == "pass", "reported once")
        #expect(state.call == nil)
    }

    @Test func theEndOfAResponse() {
        check(Situation.allCases.map { _ in "keepOpen offer" }) {
            "\($0.responseEnded(requestIsComplete: true, keepAlive: true)) \($0.headReceived())"
        }
        check(Situation.allCases.map { _ in "closeWhenSent ignore close" }) {
            "\($0.responseEnded(requestIsComplete: true, keepAlive: false)) \($0.headReceived()) \($0.lastResponseSent())"
        }
        check(Situation.allCases.map { _ in "closeWhenSent close closeOutput" }) {
            "\($0.responseEnded(requestIsComplete: false, keepAlive: true)) \($0.headReceived()) \($0.lastResponseSent())"
        }
    }

    @Test func theControlPlanesResponse() {
        check(["false false", "true true", "false false", "false false", "false false", "false false"]) {
            "\($0.responseIsLast) \($0.dropsBody)"
        }
        var state = Situation.head.state
        state.headPassed(isLast: false, isHead: false)
        #expect(!state.responseIsLast && !state.dropsBody)
    }

    @Test func theEndOfAReadIsReportedIfAPartWasPassed() {
        check(["false", "true", "false", "false", "false", "false"]) { "\($0.readCompleted())" }
        check(["true false", "true false", "false false", "false false", "false false", "false false"]) {
            _ = $0.bodyReceived(1)
            return "\($0.readCompleted()) \($0.readCompleted())"
        }
        check(["true", "true", "false", "false", "false", "false"]) {
            _ = $0.endReceived()
            return "\($0.readCompleted())"
        }
    }

    @Test func heldReads() {
        var state = Situation.calling.state
        #expect(state.readRequested(isHeldBack: false) && !state.readingResumed())
        #expect(state.readRequested(isHeldBack: true) == false)
        #expect(state.readingResumed() && !state.readingResumed())
    }

    @Test func callsInProgress() {
        check(["nil", "nil", "7", "nil", "nil", "nil"]) { $0.call.map { "\($0)" } ?? "nil" }
    }
}
