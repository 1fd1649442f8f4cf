import Relay
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// Every event in every phase.
@Suite struct CallStateTableTests {
    /// The phases of a call; in `late` phases the head of the stream was sent before a runner responded.
    enum Place: CaseIterable {
        case reading, placing, latePlacing, forwarding, lateForwarding, relaying, relayingDocument, finished
    }

    private func state(_ place: Place, streams: Bool = true) throws -> CallState {
        var state = CallState()
        let steps: [CallState.Event] =
            switch place {
            case .reading: []
            case .placing: [.authorized(try Sample.authorized(streams: streams))]
            case .latePlacing: [.authorized(try Sample.authorized(streams: streams)), .keepaliveDue]
            case .forwarding: [.authorized(try Sample.authorized(streams: streams)), .placed(Sample.lease())]
            case .lateForwarding:
                [.authorized(try Sample.authorized(streams: streams)), .keepaliveDue, .placed(Sample.lease())]
            case .relaying:
                [.authorized(try Sample.authorized(streams: streams)), .placed(Sample.lease()), .streamBegan]
            case .relayingDocument:
                [
                    .authorized(try Sample.authorized(streams: streams)), .placed(Sample.lease()),
                    .documentBegan(status: 200),
                ]
            case .finished: [.clientClosed]
            }
        for step in steps { _ = state.handle(step) }
        return state
    }

    private struct Row {
        let name: String
        let event: CallState.Event
        /// The expected actions per phase, in the order of `Place`; "" for an event that is ignored there.
        let expected: [String]
    }

    private static func rows() throws -> [Row] {
        let lease = Sample.lease(2, "r2", wake: "w7")
        let lost = "cancel return(r1)"
        let told = "comment(waiting)"
        let served = "comment(served by r1 m waited 1500)"
        let kept: [String] = Array(repeating: "", count: Place.allCases.count)
        func in_(_ cells: [Place: String]) -> [String] { Place.allCases.map { cells[$0] ?? "" } }
        func everywhere(_ code: String) -> [String] {
            in_([
                .reading: "respond(\(code)) settle(\(code))", .placing: "withdraw respond(\(code)) settle(\(code))",
                .latePlacing: "withdraw inBand(\(code)) settle(\(code))",
                .forwarding: "\(lost) respond(\(code)) settle(\(code))",
                .lateForwarding: "\(lost) inBand(\(code)) settle(\(code))",
                .relaying: "\(lost) inBand(\(code)) settle(\(code))",
                .relayingDocument: "\(lost) abort settle(\(code))",
            ])
        }
        func forwarding(
            _ early: String, _ late: String, relaying: String = "", document: String = ""
        ) -> [String] {
            in_([.forwarding: early, .lateForwarding: late, .relaying: relaying, .relayingDocument: document])
        }
        let torn = "\(lost) abort settle(upstream_error)"
        let cut = "\(lost) inBand(upstream_error) settle(upstream_error)"
        return [
            Row(name: "authenticated", event: .authenticated(Sample.caller), expected: in_([.reading: "acceptBody"])),
            Row(name: "bodyParsed", event: .bodyParsed(Sample.call()), expected: kept),
            Row(
                name: "refused", event: .refused(GatewayError(.invalidJSON, "")),
                expected: in_([
                    .reading: "respond(invalid_json) settle(invalid_json)",
                    .forwarding: "\(lost) respond(invalid_json) settle(invalid_json)",
                    .lateForwarding: "\(lost) inBand(invalid_json) settle(invalid_json)",
                ])),
            Row(
                name: "authorized", event: .authorized(try Sample.authorized(streams: true)),
                expected: in_([.reading: "place"])),
            Row(
                name: "placed", event: .placed(lease),
                expected: in_([
                    .reading: "return(r2)", .placing: "forward(r2)",
                    .latePlacing: "comment(served by r2 m waited 1500 wake=w7) forward(r2)", .forwarding: "return(r2)",
                    .lateForwarding: "return(r2)", .relaying: "return(r2)", .relayingDocument: "return(r2)",
                    .finished: "return(r2)",
                ])),
            Row(
                name: "placementRefused", event: .placementRefused(Sample.error),
                expected: in_([
                    .placing: "respond(no_runner_available) settle(no_runner_available)",
                    .latePlacing: "inBand(no_runner_available) settle(no_runner_available)",
                ])),
            Row(
                name: "endpointUnsupported", event: .endpointUnsupported(GatewayError(.endpointNotSupported, "")),
                expected: in_([
                    .placing: "respond(endpoint_not_supported) settle(endpoint_not_supported)",
                    .latePlacing: "inBand(endpoint_not_supported) settle(endpoint_not_supported)",
                ])),
            Row(
                name: "keepaliveDue", event: .keepaliveDue,
                expected: in_([
                    .placing: "earlyHead \(told)", .latePlacing: told, .forwarding: "earlyHead \(told) \(served)",
                    .lateForwarding: told, .relaying: told,
                ])),
            Row(name: "streamBegan", event: .streamBegan, expected: forwarding("begin", "begin")),
            Row(
                name: "document 200", event: .documentReceived(Sample.document(200)),
                expected: forwarding("document return(r1) settle(200)", cut)),
            Row(
                name: "documentBegan", event: .documentBegan(status: 200),
                expected: forwarding("beginDocument(200)", cut)),
            Row(
                name: "documentEnded", event: .documentEnded(isComplete: true),
                expected: forwarding("", "", document: "end return(r1) settle(200)")),
            Row(
                name: "documentEnded early", event: .documentEnded(isComplete: false),
                expected: in_([.relayingDocument: torn])),
            Row(
                name: "document 200, no JSON", event: .documentReceived(Sample.document(200, isJSON: false)),
                expected: forwarding("\(lost) respond(upstream_error) settle(upstream_error)", cut)),
            Row(
                name: "document 400", event: .documentReceived(Sample.document(400)),
                expected: forwarding(
                    "document return(r1) settle(400)", "\(lost) inBand(invalid_request) settle(invalid_request)")),
            Row(
                name: "document 500, no JSON", event: .documentReceived(Sample.document(500, isJSON: false)),
                expected: forwarding("document return(r1) settle(500)", cut)),
            Row(
                name: "document 401", event: .documentReceived(Sample.document(401)),
                expected: forwarding(
                    "rejected(r1,401) \(lost) respond(upstream_error) settle(upstream_error)",
                    "rejected(r1,401) " + cut)),
            Row(
                name: "document 404 of a model", event: .documentReceived(Sample.document(404, Sample.missingModel)),
                expected: forwarding("refresh(r1) return(r1) place(not r1)", "refresh(r1) return(r1) place(not r1)")),
            Row(
                name: "document 404 of a path", event: .documentReceived(Sample.document(404)),
                expected: forwarding(
                    "noEndpoint(r1) return(r1) place(not r1)", "noEndpoint(r1) return(r1) place(not r1)")),
            Row(
                name: "document 404 of something else",
                event: .documentReceived(Sample.document(404, "conversation conv_1 was deleted")),
                expected: forwarding(
                    "document return(r1) settle(404)", "\(lost) inBand(invalid_request) settle(invalid_request)")),
            Row(
                name: "document 503 while loading",
                event: .documentReceived(Sample.document(503, runnerHasServed: false)),
                expected: forwarding("return(r1) place", "return(r1) place")),
            Row(
                name: "refused option",
                event: .documentReceived(
                    Sample.document(
                        400, "Unknown parameter: 'stream_options'", endpoint: .chatCompletions, addsUsageOption: true)),
                expected: forwarding("forward(r1)", "forward(r1)")),
            Row(
                name: "document 429", event: .documentReceived(Sample.document(429)),
                expected: forwarding("return(r1) place(not r1)", "return(r1) place(not r1)")),
            Row(
                name: "document 503", event: .documentReceived(Sample.document(503)),
                expected: forwarding("return(r1) place(not r1)", "return(r1) place(not r1)")),
            Row(
                name: "document 302", event: .documentReceived(Sample.document(302)),
                expected: forwarding("\(lost) respond(upstream_error) settle(upstream_error)", cut)),
            Row(
                name: "responseTooLarge", event: .responseTooLarge(GatewayError(.queueFull, "full")),
                expected: forwarding(
                    "\(lost) respond(queue_full) settle(queue_full)", "\(lost) inBand(queue_full) settle(queue_full)",
                    relaying: "\(lost) inBand(queue_full) settle(queue_full)")),
            Row(
                name: "streamEnded", event: .streamEnded(complete: true),
                expected: in_([.relaying: "end return(r1) settle(200)"])),
            Row(
                name: "streamCompleted", event: .streamCompleted,
                expected: in_([.relaying: "release end return(r1) settle(200)"])),
            Row(name: "streamFailed", event: .streamFailed(EngineError()), expected: in_([.relaying: cut])),
            Row(name: "streamEnded early", event: .streamEnded(complete: false), expected: in_([.relaying: cut])),
            Row(
                name: "refused connection", event: .upstreamFailed(.refused),
                expected: forwarding(
                    "down(r1) return(r1) place", "down(r1) return(r1) place", relaying: cut, document: torn)),
            Row(
                name: "unreachable", event: .upstreamFailed(.unreachable("x")),
                expected: forwarding(
                    "unreachable(r1) return(r1) place", "unreachable(r1) return(r1) place", relaying: cut,
                    document: torn)),
            Row(
                name: "untrusted", event: .upstreamFailed(.untrusted("x")),
                expected: forwarding(
                    "return(r1) place(not r1)", "return(r1) place(not r1)", relaying: cut, document: torn)),
            Row(
                name: "stale", event: .upstreamFailed(.staleConnection),
                expected: forwarding("forward(r1,fresh)", "forward(r1,fresh)", relaying: cut, document: torn)),
            Row(
                name: "closed before a response", event: .upstreamFailed(.closedBeforeResponse),
                expected: forwarding(
                    "return(r1) respond(upstream_error) settle(upstream_error)",
                    "return(r1) inBand(upstream_error) settle(upstream_error)", relaying: cut, document: torn)),
            Row(
                name: "closed during a response", event: .upstreamFailed(.closedDuringResponse),
                expected: forwarding(
                    "return(r1) respond(upstream_error) settle(upstream_error)",
                    "return(r1) inBand(upstream_error) settle(upstream_error)", relaying: cut, document: torn)),
            Row(
                name: "malformed", event: .upstreamFailed(.malformed("x")),
                expected: forwarding(
                    "return(r1) respond(upstream_error) settle(upstream_error)",
                    "return(r1) inBand(upstream_error) settle(upstream_error)", relaying: cut, document: torn)),
            Row(
                name: "first byte timeout", event: .upstreamFailed(.firstByteTimeout),
                expected: forwarding(
                    "return(r1) respond(upstream_timeout) settle(upstream_timeout)",
                    "return(r1) inBand(upstream_timeout) settle(upstream_timeout)",
                    relaying: "\(lost) inBand(upstream_timeout) settle(upstream_timeout)",
                    document: "\(lost) abort settle(upstream_timeout)")),
            Row(
                name: "gap timeout", event: .upstreamFailed(.gapTimeout),
                expected: forwarding(
                    "return(r1) respond(upstream_timeout) settle(upstream_timeout)",
                    "return(r1) inBand(upstream_timeout) settle(upstream_timeout)",
                    relaying: "\(lost) inBand(upstream_timeout) settle(upstream_timeout)",
                    document: "\(lost) abort settle(upstream_timeout)")),
            Row(
                name: "clientClosed", event: .clientClosed,
                expected: in_([
                    .reading: "settle(gone)", .placing: "withdraw settle(gone)", .latePlacing: "withdraw settle(gone)",
                    .forwarding: "\(lost) settle(gone)", .lateForwarding: "\(lost) settle(gone)",
                    .relaying: "\(lost) settle(gone)", .relayingDocument: "\(lost) settle(gone)",
                ])),
            Row(name: "drainExpired", event: .drainExpired, expected: everywhere("shutting_down")),
            Row(name: "totalTimeExpired", event: .totalTimeExpired, expected: everywhere("upstream_timeout")),
        ]
    }

    @Test func everyEventInEveryPhase() throws {
        for row in try Self.rows() {
            for (place, expected) in zip(Place.allCases, row.expected) {
                var state = try state(place)
                let before = state.phase
                let actions = state.handle(row.event)
                #expect(notation(actions) == expected, "\(row.name) while \(place)")
                if expected.isEmpty && row.name != "bodyParsed" {
                    #expect(state.phase == before, "\(row.name) means nothing while \(place)")
                }
                #expect(
                    state.isFinished == (place == .finished || expected.contains("settle")),
                    "\(row.name) while \(place)")
            }
        }
    }

    @Test(arguments: [Place.placing, .forwarding])
    func onlyStreamsAreKeptAlive(_ place: Place) throws {
        var state = try state(place, streams: false)
        #expect(state.handle(.keepaliveDue).isEmpty)
        #expect(notation(state.handle(.totalTimeExpired)).contains("respond(upstream_timeout)"))
    }

    @Test func credentialsAndBodyMayComeInEitherOrder() {
        var first = CallState()
        #expect(notation(first.handle(.authenticated(Sample.caller))) == "acceptBody")
        #expect(first.handle(.bodyParsed(Sample.call())) == [.authorize(Sample.call(), Sample.caller)])
        var second = CallState()
        #expect(second.handle(.bodyParsed(Sample.call())).isEmpty)
        #expect(
            second.handle(.authenticated(Sample.caller)) == [.acceptBody, .authorize(Sample.call(), Sample.caller)])
    }
}
