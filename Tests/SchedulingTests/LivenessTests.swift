import SimpleAICore
import Testing

@testable import Scheduling

/// The table of evidence, each row in each state.
@Suite struct LivenessTests {
    private static let start = ContinuousClock.now

    /// The states after each piece of evidence, one second apart.
    private func states(
        _ evidence: [Liveness.Evidence], from state: RunnerState = .ready, calls: Int = 0, canBeWoken: Bool = true
    ) -> [RunnerState] {
        var liveness = Liveness()
        var state = state
        return evidence.enumerated().map { second, evidence in
            state = liveness.assess(
                evidence,
                .init(
                    state: state, callCount: calls, canBeWoken: canBeWoken, maxMisses: 3, loadTimeout: .seconds(60),
                    now: Self.at(second)))
            return state
        }
    }

    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }
    private func unreachable(_ sign: Int? = nil) -> Liveness.Evidence {
        .unreachable(lastContactAt: sign.map(Self.at))
    }

    @Test(arguments: RunnerState.allCases)
    func aResponseMeansReady(_ state: RunnerState) {
        #expect(states([.responded], from: state) == [.ready])
    }

    @Test func threeFailedConnectionsInARowMeanUnreachable() {
        let three = [unreachable(), unreachable(), unreachable()]
        #expect(states(three) == [.ready, .ready, .asleep])
        #expect(states(three, canBeWoken: false) == [.ready, .ready, .lost])
        #expect(states(three, from: .down).last == .asleep)
        #expect(states(three, from: .loading).last == .asleep)
        for state in [RunnerState.waking, .wakeFailed] { #expect(states(three, from: state).last == state) }
        // In a row: other evidence in between restarts the count.
        #expect(states([unreachable(), unreachable(), .silent, unreachable(), unreachable()]).last == .ready)
        #expect(states([unreachable(), unreachable(), .responded, unreachable(), unreachable()]).last == .ready)
    }

    @Test func trafficOnACallOutweighsFailedProbes() {
        #expect(states([unreachable(), unreachable(), unreachable(1), unreachable(), unreachable()]).last == .asleep)
        #expect(states([unreachable(), unreachable(), unreachable(1), unreachable(2), unreachable(3)]).last == .ready)
        // Evidence from before the first failed probe proves nothing.
        #expect(states([unreachable(-1), unreachable(-1), unreachable(-1)]).last == .asleep)
    }

    @Test func trafficAfterAnUnreachableMachineMeansUnknown() {
        let three = [unreachable(), unreachable(), unreachable()]
        #expect(states(three + [unreachable(1)]).last == .asleep)
        #expect(states(three + [unreachable(3)]).last == .unknown)
    }

    @Test func aSilentEngineWithCallsIsBusy() {
        let silence = Array(repeating: Liveness.Evidence.silent, count: 20)
        #expect(states(silence, calls: 1).allSatisfy { $0 == .ready })
        #expect(states([.callUnreachable, .silent], calls: 1) == [.unknown, .ready])
    }

    @Test func aSilentEngineWithoutCallsIsDown() {
        #expect(states([.silent, .silent, .silent]) == [.ready, .ready, .down])
        #expect(states([.silent], from: .lost) == [.down])
        #expect(states([.silent, .silent, .silent, .silent], from: .asleep).last == .asleep)
        #expect(states([.silent, .silent, .silent, .silent], from: .waking).last == .waking)
    }

    @Test(arguments: [RunnerState.unknown, .ready, .checking, .loading, .asleep, .wakeFailed, .down, .lost])
    func refusedOrReplacedMeansDown(_ state: RunnerState) {
        #expect(states([.refused], from: state) == [.down])
        #expect(states([.foreignResponse], from: state) == [.down])
    }

    @Test func onlyAResponseEndsAWake() {
        for evidence in [Liveness.Evidence.refused, .foreignResponse, .silent, .loading(.probe), unreachable()] {
            #expect(states([evidence], from: .waking) == [.waking])
        }
    }

    @Test func callsInProgressOutweighUnexpectedResponses() {
        #expect(states([.foreignResponse, .foreignResponse, .foreignResponse], calls: 2) == [.ready, .ready, .down])
        #expect(states([.foreignResponse, .responded, .foreignResponse, .foreignResponse], calls: 2).last == .ready)
    }

    @Test func aLoadingEngineIsWaitedFor() {
        for state in [RunnerState.unknown, .ready, .down, .asleep, .lost, .wakeFailed] {
            #expect(states([.loading(.probe)], from: state) == [.loading])
        }
        #expect(states([.loading(.probe), .responded]) == [.loading, .ready])
        // The engine's list proves nothing after it has refused a call.
        #expect(states([.loading(.call), .responded, .served]) == [.loading, .loading, .ready])
        #expect(states([.loading(.probe), .loading(.call), .responded]) == [.loading, .loading, .loading])
        #expect(states([.loading(.probe), .silent, .silent, .silent, .silent]).last == .loading)
        #expect(states([.loading(.call), .refused]) == [.loading, .down])
    }

    @Test func anEngineThatNeverFinishesLoadingIsDown() {
        #expect(states(Array(repeating: .loading(.probe), count: 70)).last == .down)
        #expect(states(Array(repeating: .loading(.probe), count: 60)).last == .loading)
    }

    @Test func aFailedCallMeansUnknown() {
        #expect(states([.callUnreachable, unreachable(), unreachable()]) == [.unknown, .unknown, .asleep])
        #expect(states([.callGotForeignResponse, .responded]) == [.unknown, .ready])
        for state in RunnerState.allCases where state != .ready {
            #expect(states([.callUnreachable], from: state) == [state])
            #expect(states([.callGotForeignResponse], from: state) == [state])
        }
    }

    @Test func anAgentThatDoesNotReconnectIsUnreachable() {
        #expect(states([.disconnected, .graceExpired]) == [.unknown, .asleep])
        #expect(states([.disconnected, .responded, .graceExpired]) == [.unknown, .ready, .ready])
        #expect(states([.disconnected], from: .waking) == [.waking])
    }
}
