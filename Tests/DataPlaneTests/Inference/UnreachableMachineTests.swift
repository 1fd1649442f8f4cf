import Relay
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane
@testable import Scheduling

/// Calls on machines that are unreachable, that load a model, or that are behind a proxy that responds in their place.
@Suite struct UnreachableMachineTests {
    private func forwarding(
        _ limits: CallState.Limits = .init(), streams: Bool = false, runnerHasServed: Bool = true
    ) throws -> CallState {
        var state = CallState(limits: limits)
        _ = state.handle(.authorized(try Sample.authorized(streams: streams)))
        _ = state.handle(.placed(Sample.lease(1, "r1", runnerHasServed: runnerHasServed)))
        return state
    }

    private func outcome(_ actions: [CallState.Action]) -> LeaseOutcome? {
        for case .returnLease(_, let outcome) in actions { return outcome }
        return nil
    }

    /// No part of a response has arrived, so failover loses nothing; the same machine may serve the call after a
    /// wake.
    @Test(arguments: [CallState.AfterSend.never, .staleOnly, .always])
    func aCallOnAnUnreachableMachineIsPlacedAgain(_ afterSend: CallState.AfterSend) throws {
        var gone = try forwarding(.init(afterSend: afterSend))
        let actions = gone.handle(.upstreamFailed(.runnerDeclaredUnreachable))
        #expect(notation(actions) == "return(r1) place" && outcome(actions) == .undecided)
        var silent = try forwarding(.init(afterSend: afterSend))
        #expect(notation(silent.handle(.upstreamFailed(.connectionTimedOut))) == "unreachable(r1) return(r1) place")
    }

    @Test func aStreamThatHasBegunEndsInBand() throws {
        var state = try forwarding(streams: true)
        _ = state.handle(.streamBegan)
        let actions = notation(state.handle(.upstreamFailed(.closedDuringResponse)))
        #expect(actions == "cancel return(r1) inBand(upstream_error) settle(upstream_error)")
    }

    /// However often the engine reports that it loads: the scheduler limits the wait.
    @Test func aCallThatFindsALoadingEngineWaits() throws {
        var state = try forwarding(runnerHasServed: false)
        for number in 2...20 {
            let actions = state.handle(.documentReceived(Sample.document(503, runnerHasServed: false)))
            #expect(notation(actions) == "return(r1) place" && outcome(actions) == .loading)
            _ = state.handle(.placed(Sample.lease(UInt64(number), "r1", runnerHasServed: false)))
        }
        #expect(notation(state.handle(.documentReceived(Sample.document(200)))) == "document return(r1) settle(200)")
    }

    @Test func loadingMessagesAreAcceptedAtAnyTime() throws {
        var state = try forwarding()
        let document = Sample.document(503, #"{"error":{"message":"Loading model"}}"#)
        #expect(outcome(state.handle(.documentReceived(document))) == .loading)
    }

    @Test(arguments: [502, 503, 504])
    func aProxysPageIsNotTheMachinesResponse(_ status: Int) throws {
        var state = try forwarding()
        let page = Sample.document(status, "<html>Bad Gateway</html>", isJSON: false)
        let actions = state.handle(.documentReceived(page))
        #expect(notation(actions) == "return(r1) place" && outcome(actions) == .foreignResponse)
    }

    /// Only a 503 may mean loading: 502 and 504 from an engine are failures.
    @Test(arguments: [502, 504])
    func otherFailuresOfAFreshRunnerAreFailures(_ status: Int) throws {
        var state = try forwarding(runnerHasServed: false)
        let document = Sample.document(status, runnerHasServed: false)
        #expect(outcome(state.handle(.documentReceived(document))) == .failed)
    }
}
