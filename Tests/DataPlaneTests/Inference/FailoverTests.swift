import Relay
import Scheduling
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// Failover to other runners, and the error that the caller gets if no other runner can take over.
@Suite struct FailoverTests {
    private func forwarding(
        _ limits: CallState.Limits = .init(), streams: Bool = false, early: Bool = false
    ) throws -> CallState {
        var state = CallState(limits: limits)
        _ = state.handle(.authorized(try Sample.authorized(streams: streams)))
        if early { _ = state.handle(.keepaliveDue) }
        _ = state.handle(.placed(Sample.lease(1, "r1")))
        return state
    }

    private func refusal(_ actions: [CallState.Action]) -> GatewayError? {
        for case .respond(let error) in actions { return error }
        return nil
    }

    @Test func aCallMovesAtMostTwice() throws {
        var state = try forwarding()
        #expect(notation(state.handle(.documentReceived(Sample.document(503)))) == "return(r1) place(not r1)")
        _ = state.handle(.placed(Sample.lease(2, "r2")))
        #expect(notation(state.handle(.documentReceived(Sample.document(502)))) == "return(r2) place(not r1,r2)")
        _ = state.handle(.placed(Sample.lease(3, "r3")))
        #expect(
            notation(state.handle(.documentReceived(Sample.document(504))))
                == "cancel return(r3) respond(upstream_error) settle(upstream_error)")
    }

    @Test(arguments: 0...3)
    func theNumberOfMovesIsASetting(_ moves: Int) throws {
        var state = try forwarding(.init(moves: moves))
        for move in 0..<moves {
            #expect(notation(state.handle(.upstreamFailed(.refused))) == "down(r1) return(r1) place")
            _ = state.handle(.placed(Sample.lease(UInt64(move) + 2, "r1")))
        }
        #expect(
            notation(state.handle(.upstreamFailed(.refused)))
                == "down(r1) cancel return(r1) respond(upstream_error) settle(upstream_error)")
    }

    @Test func withoutFailoverTheFirstFailureIsReported() throws {
        var state = try forwarding()
        _ = state.handle(.documentReceived(Sample.document(429, retryAfter: 17)))
        let error = try #require(refusal(state.handle(.placementRefused(Sample.error))))
        #expect(error.code == .rateLimitExceeded)
        #expect(error.retry == .after(.seconds(17)))
    }

    /// The caller exceeded no limit.
    @Test func anAgentWithoutCapacityIsNotTheCallersError() throws {
        var state = try forwarding()
        let actions = state.handle(.documentReceived(Sample.document(503, agentCode: "queue_full")))
        #expect(notation(actions) == "return(r1) place(not r1)")
        let error = try #require(refusal(state.handle(.placementRefused(Sample.error))))
        #expect(error.code == .queueFull && error.status() == 503)
        #expect(error.retry == .after(.seconds(5)))
    }

    @Test func otherReasonsReplaceTheFirstFailure() throws {
        var state = try forwarding()
        _ = state.handle(.documentReceived(Sample.document(429)))
        let full = GatewayError(.queueFull, "full", retry: .after(.seconds(5)))
        #expect(refusal(state.handle(.placementRefused(full))) == full)
    }

    @Test func aMissingModelIsNotTheCallersError() throws {
        var state = try forwarding()
        _ = state.handle(.documentReceived(Sample.document(404, Sample.missingModel)))
        let error = try #require(refusal(state.handle(.placementRefused(Sample.error))))
        #expect(error.code == .noRunnerAvailable)
        #expect(error.status() == 503)
    }

    /// No other runner has that response, so failover is impossible, and the caller can act on the error.
    @Test func aMissingResponseReturns404() throws {
        var state = CallState()
        _ = state.handle(.authorized(try Sample.authorized(previous: "resp_1")))
        _ = state.handle(.placed(Sample.lease(1, "r1")))
        let actions = state.handle(.documentReceived(Sample.document(404, Sample.missingModel)))
        #expect(notation(actions) == "refresh(r1) cancel return(r1) respond(not_found) settle(not_found)")
        #expect(refusal(actions)?.param == "previous_response_id")
        #expect(refusal(actions)?.status() == 404)
    }

    @Test func aStaleConnectionIsReplacedOncePerRunner() throws {
        var state = try forwarding()
        #expect(notation(state.handle(.upstreamFailed(.staleConnection))) == "forward(r1,fresh)")
        // A new connection cannot be stale.
        var again = state
        #expect(
            notation(again.handle(.upstreamFailed(.staleConnection)))
                == "return(r1) respond(upstream_error) settle(upstream_error)")
        // All runners were restarted: the next runner's kept connection is stale as well.
        _ = state.handle(.upstreamFailed(.refused))
        _ = state.handle(.placed(Sample.lease(2, "r2")))
        #expect(notation(state.handle(.upstreamFailed(.staleConnection))) == "forward(r2,fresh)")
    }

    @Test(arguments: [
        (
            CallState.AfterSend.never, "return(r1) respond(upstream_error) settle(upstream_error)",
            "return(r1) respond(upstream_error) settle(upstream_error)"
        ),
        (.staleOnly, "forward(r1,fresh)", "return(r1) respond(upstream_error) settle(upstream_error)"),
        (.always, "forward(r1,fresh)", "return(r1) place(not r1)"),
    ])
    func afterSendDecidesOnBrokenConnections(_ afterSend: CallState.AfterSend, stale: String, fresh: String) throws {
        var first = try forwarding(.init(afterSend: afterSend))
        #expect(notation(first.handle(.upstreamFailed(.staleConnection))) == stale)
        var second = try forwarding(.init(afterSend: afterSend))
        #expect(notation(second.handle(.upstreamFailed(.closedBeforeResponse))) == fresh)
        // A slow engine, or one that broke off, is never replaced.
        for failure in [UpstreamFailure.firstByteTimeout, .gapTimeout, .closedDuringResponse, .malformed("x")] {
            var other = try forwarding(.init(afterSend: afterSend))
            #expect(!notation(other.handle(.upstreamFailed(failure))).contains("place"))
        }
        // Over connections that failed to open no request was sent.
        var third = try forwarding(.init(afterSend: afterSend))
        #expect(notation(third.handle(.upstreamFailed(.refused))) == "down(r1) return(r1) place")
    }

    @Test func afterTheFirstByteItNeverMoves() throws {
        for event in [
            CallState.Event.upstreamFailed(.refused), .upstreamFailed(.staleConnection),
            .upstreamFailed(.closedBeforeResponse),
            .upstreamFailed(.closedDuringResponse), .streamEnded(complete: false),
        ] {
            var state = try forwarding(.init(afterSend: .always), streams: true)
            _ = state.handle(.streamBegan)
            let actions = notation(state.handle(event))
            #expect(actions == "cancel return(r1) inBand(upstream_error) settle(upstream_error)")
        }
    }

    @Test func keepaliveCommentsAreNotAResponse() throws {
        var state = try forwarding(streams: true, early: true)
        #expect(notation(state.handle(.documentReceived(Sample.document(503)))) == "return(r1) place(not r1)")
        #expect(
            notation(state.handle(.placed(Sample.lease(2, "r2", wake: "w1"))))
                == "comment(served by r2 m waited 1500 wake=w1) forward(r2)")
        #expect(notation(state.handle(.streamBegan)) == "begin")
        #expect(notation(state.handle(.streamEnded(complete: true))) == "end return(r2) settle(200)")
    }

    @Test func theEarlyHeadIsSentOnce() throws {
        var state = CallState()
        _ = state.handle(.authorized(try Sample.authorized(streams: true)))
        #expect(notation(state.handle(.keepaliveDue)) == "earlyHead comment(waiting)")
        #expect(notation(state.handle(.keepaliveDue)) == "comment(waiting)")
        #expect(
            notation(state.handle(.placementRefused(Sample.error)))
                == "inBand(no_runner_available) settle(no_runner_available)")
    }

    @Test func aRefusalAfterTheHeadIsReportedAsRefusal() throws {
        var state = try forwarding(streams: true, early: true)
        let actions = state.handle(.documentReceived(Sample.document(422)))
        guard case .failInBand(let error)? = actions.first(where: { if case .failInBand = $0 { true } else { false } })
        else {
            Issue.record("no error in band: \(notation(actions))")
            return
        }
        #expect(error.code == .invalidRequest)
        #expect(error.message.contains("422"))
        #expect(error.retry == .never)
    }

    @Test func causesNameTheRunnerAndMessagesDoNot() throws {
        for failure in [
            UpstreamFailure.refused, .unreachable("x"), .untrusted("x"), .closedBeforeResponse, .closedDuringResponse,
            .malformed("x"), .firstByteTimeout, .gapTimeout,
        ] {
            var state = try forwarding(.init(moves: 0))
            let error = try #require(refusal(state.handle(.upstreamFailed(failure))))
            #expect(error.cause?.contains("r1") == true)
            #expect(!error.message.contains("r1"))
        }
    }
}
