import Relay
import Scheduling
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// Calls that are translated for their runner, and calls that the gateway answers.
@Suite struct TranslationStateTests {
    private func forwarding(_ endpoint: Endpoint, streams: Bool = false, late: Bool = false) throws -> CallState {
        var state = CallState()
        _ = state.handle(.authorized(try Sample.authorized(streams: streams, endpoint: endpoint)))
        if late { _ = state.handle(.keepaliveDue) }
        _ = state.handle(.placed(Sample.lease()))
        return state
    }

    private func document(
        _ status: Int, _ body: String = "", endpoint: Endpoint = .messages, mayTranslate: Bool = true
    ) -> CallState.Event {
        .documentReceived(Sample.document(status, body, endpoint: endpoint, mayTranslate: mayTranslate))
    }

    private static let unknownField =
        #"{"detail":[{"type":"extra_forbidden","loc":["body","context_management"],"msg":"Extra inputs are not permitted"}]}"#

    @Test(arguments: [404, 405, 501])
    func theSameLeaseServesTheTranslatedCall(status: Int) throws {
        var state = try forwarding(.messages)
        #expect(!state.mustTranslate)
        #expect(notation(state.handle(document(status))) == "cancel translate(r1) forward(r1)")
        #expect(state.mustTranslate)
        // The engine lacks the other endpoint, too.
        let next = state.handle(document(404, mayTranslate: false))
        #expect(notation(next) == "noEndpoint(r1) return(r1) place(not r1)")
        _ = state.handle(.placed(Sample.lease(2, "r2")))
        #expect(!state.mustTranslate, "another runner may serve it as it is")
    }

    private static func detail(_ text: String) -> String { #"{"error":{"message":"\#(text)"}}"# }

    /// Engines that refuse what clients of this API always send: fields, or system messages that do not come first.
    @Test(arguments: [
        (400, unknownField), (422, unknownField), (400, detail("Input should be 'user' or 'assistant'")),
        (500, detail("System message must be at the beginning.")),
    ])
    func aRefusedFormIsTranslatedAndRememberedOnceItWasServed(status: Int, body: String) throws {
        var state = try forwarding(.messages)
        #expect(notation(state.handle(document(status, body))) == "cancel forward(r1)")
        #expect(state.mustTranslate)
        #expect(
            notation(state.handle(document(200, mayTranslate: false)))
                == "translated(r1) document return(r1) settle(200)")
        state = try forwarding(.messages, streams: true)
        _ = state.handle(document(status, body))
        #expect(notation(state.handle(.streamBegan)) == "translated(r1) begin")
    }

    /// One caller's wrong field must not change the calls of others.
    @Test func aRefusedFormThatCannotBeTranslatedIsReported() throws {
        var state = try forwarding(.messages)
        _ = state.handle(document(400, Self.unknownField))
        let actions = state.handle(document(404, "Not Found", mayTranslate: false))
        #expect(notation(actions) == "noEndpoint(r1) document return(r1) settle(400)")
        state = try forwarding(.messages, streams: true, late: true)
        _ = state.handle(document(400, Self.unknownField))
        #expect(notation(state.handle(document(404, mayTranslate: false))).contains("inBand(invalid_request)"))
        state = try forwarding(.messages)
        _ = state.handle(document(400, Self.unknownField))
        let rejected = state.handle(document(400, Self.detail("temperature is too high"), mayTranslate: false))
        #expect(notation(rejected) == "document return(r1) settle(400)", "not remembered")
    }

    @Test func theSameLeaseServesTheCallAtAnotherPath() throws {
        func missing(_ status: Int = 404, mayUseOtherPath: Bool = true) -> CallState.Event {
            .documentReceived(Sample.document(status, endpoint: .rerankV2, mayUseOtherPath: mayUseOtherPath))
        }
        var state = try forwarding(.rerankV2)
        for status in [404, 405] {
            #expect(notation(state.handle(missing(status))) == "cancel noPath(r1) forward(r1)")
        }
        #expect(notation(state.handle(missing())).contains("respond(endpoint_not_supported)"), "bounded")
        state = try forwarding(.rerankV2)
        #expect(notation(state.handle(missing(501))) == "noEndpoint(r1) return(r1) place(not r1)", "it knows the API")
        state = try forwarding(.rerankV2)
        let last = state.handle(missing(mayUseOtherPath: false))
        #expect(notation(last) == "noEndpoint(r1) return(r1) place(not r1)")
    }

    @Test(arguments: [
        (400, #"{"error":{"message":"max_tokens: must be positive"}}"#), (404, "conversation was deleted"),
        (401, unknownField), (413, ""), (422, ""),
    ])
    func otherErrorsAreNoReasonToTranslate(status: Int, body: String) throws {
        var state = try forwarding(.messages)
        #expect(!notation(state.handle(document(status, body))).contains("translate"))
    }

    @Test func aCallThatCannotBeTranslatedIsNot() throws {
        var state = try forwarding(.messages)
        let actions = state.handle(document(404, mayTranslate: false))
        #expect(notation(actions) == "noEndpoint(r1) return(r1) place(not r1)")
    }

    @Test func aRefusedTranslationEndsTheCall() throws {
        var state = try forwarding(.messages)
        _ = state.handle(document(404))
        let error = GatewayError(.invalidRequest, "no", param: "messages.0.content")
        #expect(
            notation(state.handle(.refused(error)))
                == "cancel return(r1) respond(invalid_request) settle(invalid_request)")
    }

    @Test func aDocumentMayEndAStreamOfLines() throws {
        var lines = try forwarding(.ollamaChat, streams: true, late: true)
        #expect(notation(lines.handle(document(200, endpoint: .ollamaChat))) == "lastPart end return(r1) settle(200)")
        var events = try forwarding(.messages, streams: true, late: true)
        #expect(notation(events.handle(document(200))).contains("inBand(upstream_error)"))
    }

    @Test func theGatewayAnswersWithoutARunner() {
        var state = CallState()
        _ = state.handle(.authenticated(Sample.caller))
        #expect(notation(state.handle(.answeredByGateway)) == "own settle(200)")
        #expect(state.isFinished)
    }

    @Test func whateverPreventsACountIsReplacedByTheEstimate() throws {
        var placing = CallState()
        _ = placing.handle(.authorized(try Sample.authorized(endpoint: .countTokens)))
        #expect(notation(placing.handle(.placementRefused(Sample.error))) == "own settle(200)")
        for failure in [UpstreamFailure.closedBeforeResponse, .firstByteTimeout, .malformed("x")] {
            var state = try forwarding(.countTokens)
            #expect(notation(state.handle(.upstreamFailed(failure))) == "return(r1) own settle(200)")
        }
        var state = try forwarding(.countTokens)
        #expect(
            notation(state.handle(document(404, endpoint: .countTokens, mayTranslate: false))).hasPrefix(
                "noEndpoint(r1)"))
        #expect(notation(state.handle(.placementRefused(Sample.error))) == "own settle(200)")
        var unknown = CallState()
        _ = unknown.handle(.authorized(try Sample.authorized(endpoint: .countTokens)))
        let error = GatewayError(.modelNotFound, "")
        #expect(
            notation(unknown.handle(.placementRefused(error))) == "respond(model_not_found) settle(model_not_found)")
        var rejected = try forwarding(.countTokens)
        #expect(
            notation(rejected.handle(document(400, "x", endpoint: .countTokens, mayTranslate: false)))
                == "return(r1) own settle(200)")
    }
}
