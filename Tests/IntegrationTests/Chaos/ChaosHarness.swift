import Dialects
import NIOCore
import NIOHTTP1
import Scheduling
import SimpleAICore

@testable import DataPlane
@testable import Gateway
@testable import Relay

/// One exchange without sockets: the gateway's parser and state machines, in a shell that writes their output into a
/// string.
struct ChaosHarness {
    private var state: CallState
    private var response: UpstreamResponse
    private var reader = ResponseParser()
    private var hasEnded = false
    private(set) var status = 0
    private(set) var output = ""
    private(set) var leasesOut = 1
    private(set) var settlements = 0

    static func run(_ script: ChaosScript, lease: Lease, authorized: AuthorizedCall) -> ChaosHarness {
        var harness = ChaosHarness(script, lease: lease, authorized: authorized)
        for piece in script.pieces where !harness.state.isFinished { harness.receive(piece) }
        harness.finish(script)
        return harness
    }

    private init(_ script: ChaosScript, lease: Lease, authorized: AuthorizedCall) {
        state = CallState(limits: .init(moves: 0))
        response = UpstreamResponse(
            to: .init(
                endpoint: .chatCompletions, model: lease.model, streams: script.streams,
                context: .init(
                    endpoint: .chatCompletions, engineModel: script.model,
                    addsUsageOption: script.streams && !script.wantsUsage)))
        handle(.authorized(authorized))
        if script.isLate { handle(.keepaliveDue) }
        handle(.placed(lease))
        reader.begin()
    }

    private mutating func receive(_ piece: [UInt8]) {
        reader.append(ByteBuffer(bytes: piece))
        do {
            while !state.isFinished, !hasEnded, let part = try reader.next() {
                switch part {
                case .head(let head): if let event = response.receive(head) { handle(event) }
                case .body(let bytes): take(bytes)
                case .end:
                    hasEnded = true
                    end()
                }
            }
        } catch {
            handle(.upstreamFailed(.malformed("\(error)")))
        }
    }

    private mutating func take(_ bytes: ByteBuffer) {
        var event: CallState.Event?
        var forwarded: [ByteBuffer] = []
        if response.events != nil {
            event = response.relay(bytes) { forwarded.append($0) }
        } else if response.relaysDocument {
            event = response.relayDocument(bytes) { forwarded.append($0) }
        } else if let began = response.collect(bytes) {
            handle(began)
            guard response.events != nil else { return }
            event = response.relayCollected { forwarded.append($0) }
        }
        for piece in forwarded { output += String(buffer: piece) }
        if let event { handle(event) }
    }

    private mutating func end() {
        var forwarded: [ByteBuffer] = []
        let event = response.end(at: { 0 }) { forwarded.append($0) }
        for piece in forwarded { output += String(buffer: piece) }
        handle(event)
    }

    /// The connection closes, or stays open until the timeout.
    private mutating func finish(_ script: ChaosScript) {
        guard !state.isFinished else { return }
        if script.ending == .open {
            var forwarded: [ByteBuffer] = []
            let event = response.stopWaiting { forwarded.append($0) }
            for piece in forwarded { output += String(buffer: piece) }
            handle(event ?? .upstreamFailed(.gapTimeout))
        } else if reader.endsWithConnection {
            end()
        } else {
            handle(.upstreamFailed(response.head == nil ? .closedBeforeResponse : .closedDuringResponse))
        }
    }

    private mutating func handle(_ event: CallState.Event) {
        for action in state.handle(event) {
            switch action {
            case .returnLease: leasesOut -= 1
            case .settle: settlements += 1
            case .sendEarlyHead, .beginStream: status = 200
            case .sendKeepalive: output += ": waiting\n\n"
            case .sendComment(let text): output += ": \(text)\n\n"
            case .sendDocument(_, let document):
                status = document.status
                let own =
                    document.cause == .result
                    ? nil
                    : Dialect.openAI.response(
                        toEngine: document.error, standard: document.standardBody, status: status, requestID: "")
                output += own.map { String(decoding: $0.body, as: UTF8.self) } ?? String(buffer: response.document)
            case .beginDocument(_, let began):
                status = began
                output += String(buffer: response.document)
            case .respond(let error):
                status = error.status()
                output += error.body.json
            case .failInBand(let error): output += error.body.event
            // There is no other runner.
            case .place where response.head != nil:
                let noRunner = GatewayError(.noRunnerAvailable, "noRunner")
                handle(state.endpointFailure.map { .endpointUnsupported($0) } ?? .placementRefused(noRunner))
            default: break
            }
        }
    }
}
