import Relay
import Scheduling
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// The outcome that a call reports to the scheduler when it returns its lease.
@Suite struct LeaseOutcomeTests {
    /// - Parameter relays: whether a stream has begun before `event`.
    private func outcome(of event: CallState.Event, relays: Bool = false) throws -> LeaseOutcome? {
        var state = CallState()
        _ = state.handle(.authorized(try Sample.authorized(streams: true)))
        _ = state.handle(.placed(Sample.lease(1, "r1")))
        if relays { _ = state.handle(.streamBegan) }
        for case .returnLease(_, let outcome) in state.handle(event) { return outcome }
        return nil
    }

    @Test(arguments: [
        (200, LeaseOutcome.served), (400, .served), (422, .served), (429, .undecided), (404, .undecided),
        (401, .undecided), (403, .undecided), (501, .undecided), (408, .undecided),
        (500, .internalError(of: Sample.caller.id)), (502, .failed), (503, .failed), (504, .failed), (302, .failed),
    ]) func documents(status: Int, expected: LeaseOutcome) throws {
        #expect(try outcome(of: .documentReceived(Sample.document(status))) == expected)
    }

    @Test func aMalformedResponseIsAFailure() throws {
        let nonsense = Sample.document(200, isJSON: false)
        #expect(try outcome(of: .documentReceived(nonsense)) == .failed)
    }

    @Test func streams() throws {
        #expect(try outcome(of: .streamEnded(complete: true), relays: true) == .served)
        #expect(try outcome(of: .streamCompleted, relays: true) == .served)
        #expect(try outcome(of: .streamEnded(complete: false), relays: true) == .failed)
        let error = EngineError(ArraySlice(#"{"error":{"message":"x","code":400}}"#.utf8))
        #expect(try outcome(of: .streamFailed(error), relays: true) == .served)
        #expect(
            try outcome(of: .streamFailed(EngineError()), relays: true) == .internalError(of: Sample.caller.id))
        #expect(try outcome(of: .upstreamFailed(.closedDuringResponse), relays: true) == .failed)
        #expect(try outcome(of: .upstreamFailed(.gapTimeout), relays: true) == .failed)
    }

    @Test func connections() throws {
        #expect(try outcome(of: .upstreamFailed(.firstByteTimeout)) == .failed)
        #expect(try outcome(of: .upstreamFailed(.closedBeforeResponse)) == .failed)
        // The probe finds out whether the runner is reachable.
        #expect(try outcome(of: .upstreamFailed(.refused)) == .undecided)
    }

    /// A client that disconnects, and a gateway that shuts down, are not evidence about the runner.
    @Test func otherPartiesEventsAreNoEvidence() throws {
        for relays in [false, true] {
            #expect(try outcome(of: .clientClosed, relays: relays) == .undecided)
            #expect(try outcome(of: .drainExpired, relays: relays) == .undecided)
            #expect(try outcome(of: .totalTimeExpired, relays: relays) == .undecided)
        }
    }
}
