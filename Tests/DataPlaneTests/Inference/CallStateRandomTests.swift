import Foundation
import Relay
import Scheduling
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// The invariants of `CallState` hold for any sequence of events.
@Suite struct CallStateRandomTests {
    private static let callsPerSeed: Int = {
        let wanted = ProcessInfo.processInfo.environment["SIMPLEAI_RANDOM_EVENTS"].flatMap { Int($0) } ?? 0
        return max(80_000, wanted) / 40
    }()

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func invariantsHoldForRandomCalls(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var endings: [String: Int] = [:]
        for number in 0..<Self.callsPerSeed {
            var watched = try Watched(using: &random)
            // A quarter of the calls gets any event at any time, the others only events that are possible in their
            // phase.
            let isWild = number % 4 == 0
            for _ in 0..<Int.random(in: 3...25, using: &random) { watched.step(isWild: isWild, using: &random) }
            watched.end()
            endings[watched.ending ?? "none", default: 0] += 1
            guard watched.broken.isEmpty else {
                Issue.record("seed \(seed), call \(number): \(watched.broken) after \(watched.history)")
                return
            }
        }
        for ending in [
            "200", "400", "gone", "upstream_error", "no_runner_available", "shutting_down", "upstream_timeout",
        ] {
            #expect(endings[ending, default: 0] > 0, "no call ended with \(ending): \(endings)")
        }
    }
}

/// A call and the invariants that its actions must keep.
private struct Watched {
    private var state: CallState
    private let limits: CallState.Limits
    private let authorized: AuthorizedCall
    private var nextLease: UInt64 = 1
    private var open: Set<Lease> = []
    private var placements = 0
    /// Responses of runners that cannot serve and have not failed.
    private var searches = 0
    private var isPlacing = false
    private var headIsOut = false
    private var relays = false
    private var relaysDocument = false
    private var responses = 0
    private var settlements = 0
    private var excluded: Set<RunnerID> = []
    private(set) var ending: String?
    private(set) var broken: [String] = []
    private(set) var history: [String] = []

    init(using random: inout SeededGenerator) throws {
        limits = CallState.Limits(
            moves: Int.random(in: 0...3, using: &random),
            afterSend: [.staleOnly, .never, .always].randomElement(using: &random) ?? .never)
        state = CallState(limits: limits)
        authorized = try Sample.authorized(streams: .random(using: &random))
    }

    mutating func step(isWild: Bool, using random: inout SeededGenerator) {
        let events = isWild ? all(using: &random) : possible(using: &random)
        guard let event = events.randomElement(using: &random) else { return }
        send(event)
    }

    /// The client disconnects, and all pending operations report their end.
    mutating func end() {
        send(.clientClosed)
        send(.placed(lease("late")))
        send(.upstreamFailed(.closedDuringResponse))
        promise(state.isFinished, "a call ends when its client leaves")
        promise(settlements == 1, "settled once")
        promise(open.isEmpty, "every lease is returned")
    }

    private mutating func lease(_ runner: RunnerID) -> Lease {
        defer { nextLease += 1 }
        return Sample.lease(nextLease, runner)
    }

    private func document(using random: inout SeededGenerator) -> CallState.Event {
        let status = [200, 200, 200, 400, 401, 404, 429, 500, 502, 503, 504, 302].randomElement(using: &random) ?? 200
        return .documentReceived(
            Sample.document(
                status, ["", Sample.missingModel, "stream_options: unknown field"].randomElement(using: &random) ?? "",
                isJSON: Int.random(in: 0..<5, using: &random) > 0, addsUsageOption: .random(using: &random),
                runnerHasServed: .random(using: &random)))
    }

    private func failure(using random: inout SeededGenerator) -> CallState.Event {
        let failures: [UpstreamFailure] = [
            .refused, .unreachable("x"), .untrusted("x"), .staleConnection, .closedBeforeResponse,
            .closedDuringResponse,
            .malformed("x"), .firstByteTimeout, .gapTimeout,
        ]
        return .upstreamFailed(failures.randomElement(using: &random) ?? .refused)
    }

    private mutating func anyLease(using random: inout SeededGenerator) -> Lease {
        lease(["r1", "r2", "r3", "r4"].randomElement(using: &random) ?? "r1")
    }

    private mutating func possible(using random: inout SeededGenerator) -> [CallState.Event] {
        let ends: [CallState.Event] =
            Int.random(in: 0..<12, using: &random) == 0 ? [.clientClosed, .drainExpired, .totalTimeExpired] : []
        switch state.phase {
        case .reading:
            return ends + [.authenticated(Sample.caller), .bodyParsed(authorized.call), .authorized(authorized)]
        case .placing:
            let next: CallState.Event =
                Int.random(in: 0..<5, using: &random) == 0
                ? .placementRefused(Sample.error) : .placed(anyLease(using: &random))
            return ends + [next, next, .keepaliveDue]
        case .forwarding:
            let upstreamResponse: CallState.Event = authorized.call.streams ? .streamBegan : document(using: &random)
            return ends + [
                upstreamResponse, document(using: &random), failure(using: &random), .keepaliveDue,
                .documentBegan(status: 200),
            ]
        case .relayingDocument:
            return ends + [
                .documentEnded(isComplete: .random(using: &random)), .documentEnded(isComplete: true),
                failure(using: &random), .keepaliveDue,
            ]
        case .relaying:
            return ends + [
                .streamEnded(complete: .random(using: &random)), .streamEnded(complete: true), failure(using: &random),
                .streamCompleted, .streamFailed(EngineError()),
                .keepaliveDue,
            ]
        case .finished: return [.keepaliveDue, failure(using: &random), .placed(anyLease(using: &random))]
        }
    }

    private mutating func all(using random: inout SeededGenerator) -> [CallState.Event] {
        [
            .authenticated(Sample.caller), .bodyParsed(authorized.call), .authorized(authorized), .keepaliveDue,
            .authorized(authorized), .placed(anyLease(using: &random)), .placed(anyLease(using: &random)), .streamBegan,
            .placementRefused(Sample.error), document(using: &random), failure(using: &random),
            .streamEnded(complete: true),
            .streamEnded(complete: false), .drainExpired, .clientClosed, .streamCompleted, .streamFailed(EngineError()),
            .endpointUnsupported(Sample.error), .documentBegan(status: 200), .documentEnded(isComplete: true),
            .documentEnded(isComplete: false),
        ]
    }

    private mutating func send(_ event: CallState.Event) {
        if case .documentReceived(let document) = event,
            document.cause == .loading || document.cause == .endpointMissing
        {
            searches += 1
        }
        if case .placed(let lease) = event { open.insert(lease) }
        let wasFinished = state.isFinished
        let actions = state.handle(event)
        history.append("\(event) → \(notation(actions))")
        for action in actions {
            if wasFinished {
                if case .returnLease = action {} else { broken.append("\(action.notation) after the end") }
            }
            check(action)
        }
        promise(settlements == (state.isFinished ? 1 : 0), "settled exactly when finished")
    }

    private mutating func check(_ action: CallState.Action) {
        switch action {
        case .acceptBody, .authorize, .reportUnreachable, .reportConnectionRefused, .refreshModels,
            .noteUsageOptionRejected,
            .noteEndpointMissing, .notePathMissing, .noteEndpointTranslated, .noteTranslationServed,
            .reportGatewayRejected:
            break
        case .releaseUpstream: promise(relays && !open.isEmpty, "there is something to release")
        case .place(_, let excluding):
            placements += 1
            promise(!relays, "a call that is relayed never moves")
            promise(responses == 0 && settlements == 0, "no placement follows the response")
            promise(placements <= limits.moves + 1 + searches, "it moves as often as it may")
            promise(excluding.isSuperset(of: excluded), "who failed stays excluded")
            promise(open.isEmpty, "one lease at a time")
            excluded = excluding
            isPlacing = true
        case .withdrawPlacement: promise(isPlacing, "there is something to withdraw")
        case .forward(_, let lease, _):
            promise(!relays, "a call that is relayed is not sent again")
            promise(open.contains(lease), "calls are forwarded with a lease")
            isPlacing = false
        case .cancelForwarding: promise(!open.isEmpty, "there is something to cancel")
        case .returnLease(let lease, _): promise(open.remove(lease) != nil, "a lease is returned once")
        case .sendEarlyHead:
            promise(!headIsOut && responses == 0, "one head")
            promise(authorized.call.streams, "early heads are for streams")
            headIsOut = true
        case .sendKeepalive, .sendComment: promise(headIsOut && !relaysDocument, "comments come after the head")
        case .beginStream(let lease):
            promise(!relays && responses == 0, "a stream begins once")
            promise(open.contains(lease), "streams have a lease")
            relays = true
            headIsOut = true
        case .beginDocument(let lease, _):
            promise(!headIsOut && responses == 0, "no document into a stream")
            promise(open.contains(lease), "documents have a lease")
            (relays, relaysDocument, headIsOut) = (true, true, true)
        case .abortResponse:
            promise(relaysDocument && responses == 0, "only a document that has begun breaks off")
            responses += 1
        case .sendLastPart: promise(headIsOut && !relays, "a line ends a stream that has begun")
        case .sendDocument, .sendOwnResponse, .respond:
            promise(!headIsOut, "no response into a stream")
            responses += 1
            promise(responses == 1, "one response")
        case .failInBand:
            promise(headIsOut && !relaysDocument, "errors are in band only after the head of a stream")
            responses += 1
        case .endStream:
            promise(relays, "a stream ends that began")
            responses += 1
        case .settle(let ending):
            settlements += 1
            switch ending {
            case .completed(let status): self.ending = "\(status)"
            case .failed(let error): self.ending = error.code.rawValue
            case .clientDisconnected: self.ending = "gone"
            }
            promise(responses == (ending == .clientDisconnected ? 0 : 1), "one response, none to a disconnected client")
        }
    }

    private mutating func promise(_ holds: Bool, _ rule: String) {
        if !holds { broken.append(rule) }
    }
}
