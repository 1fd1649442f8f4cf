import Dialects
import Relay
import Scheduling
import SimpleAICore

/// The state machine of a call, which moves in one direction:
///
///     request –authenticate→ Caller –read→ Call –authorize→ AuthorizedCall
///         –place→ Lease –forward→ response –settle→ end
///
/// Events in (past tense), actions out. No I/O, no clock, no logger; `InferenceCall` is the shell that performs the
/// actions and reports the events. Events that do not apply to the current phase are late, and are ignored.
///
/// Invariants: `settle` is returned exactly once; every placed lease is returned in exactly one `returnLease`; nothing
/// is relayed twice; after the first relayed byte the call never moves to another runner.
struct CallState {
    struct Limits: Hashable, Sendable {
        /// Maximum number of moves to another runner.
        var moves = 2
        /// When a call whose request was already sent may be sent again (`routing.failover.after_send`).
        var afterSend: AfterSend = .staleOnly
    }

    enum AfterSend: Hashable, Sendable { case staleOnly, never, always }

    private let limits: Limits
    /// Whether this caller may see its runner; otherwise comments omit it, like the headers.
    var announcesRunner = true
    private(set) var phase: Phase = .reading
    private var caller: Caller?
    private var call: Call?
    private var authorized: AuthorizedCall?
    private var headWasSent = false
    private var attempts = Attempts()
    private var failures = Failures()
    // Not in `attempts`: the shell reads them, and a computed property of the state would copy it as a whole.
    /// Whether the usage option may be added to the request: false after the engine rejected a request with it.
    private(set) var mayAddUsageOption = true
    /// Whether the request must be translated, because the runner does not serve it as it is.
    private(set) var mustTranslate = false

    /// The call's attempts at runners.
    private struct Attempts {
        var moves = 0
        /// Number of runners that the call left because they lack the endpoint; does not count against `limits.moves`.
        var endpointMoves = 0
        var excluded: Set<RunnerID> = []
        /// Whether the call was sent again after a stale connection. Once per lease is enough: a new connection cannot be
        /// stale.
        var staleRetryWasUsed = false
        /// Number of paths of the endpoint that the runner turned out to lack.
        var pathMoves = 0
        /// The response of the runner that showed that the call has to be translated for it; nil unless `mustTranslate`.
        var refusal: EngineDocument?
    }

    /// Why runners did not serve the call.
    private struct Failures {
        /// Why the call left its first runner; reported to the caller if no other runner can serve the call.
        var first: GatewayError?
        /// The error of the loading engine that the call waits for.
        var loadingEngine: EngineError?
        /// The error of the first runner that lacks the endpoint.
        var endpoint: GatewayError?
    }

    /// The error of the first runner that lacks the endpoint.
    var endpointFailure: GatewayError? { failures.endpoint }

    init(limits: Limits = .init()) {
        self.limits = limits
    }

    /// Matched, not compared: a comparison would copy the lease.
    var isFinished: Bool { if case .finished = phase { true } else { false } }
    var streams: Bool { authorized?.call.streams ?? false }

    mutating func handle(_ event: Event) -> [Action] {
        switch (phase, event) {
        case (.placing, .placed(let lease)): return forward(lease)
        // The result of a lease request that was withdrawn too late.
        case (_, .placed(let lease)): return [.returnLease(lease)]
        case (.finished, _): return []

        case (.reading, .authenticated(let caller)):
            self.caller = caller
            return [.acceptBody] + authorizeIfComplete()
        case (.reading, .bodyParsed(let call)):
            self.call = call
            return authorizeIfComplete()
        case (.reading, .refused(let error)): return fail(error)
        case (.reading, .authorized(let call)):
            authorized = call
            phase = .placing
            return [.place(call, excluding: [])]

        case (.reading, .answeredByGateway):
            phase = .finished
            return [.sendOwnResponse, .settle(.completed(status: 200))]

        case (.placing, .placementRefused(let error)):
            return fail(
                (error.code == .noRunnerAvailable ? failures.first ?? error : error).quoting(failures.loadingEngine))
        case (.placing, .endpointUnsupported(let error)): return fail(failures.first ?? failures.endpoint ?? error)

        case (.placing, .keepaliveDue), (.forwarding, .keepaliveDue), (.relaying, .keepaliveDue):
            return keepAlive()

        case (.forwarding(let lease), .streamBegan):
            phase = .relaying(lease)
            return noteWhatServed(lease) + [.beginStream(lease)]
        // The request cannot be translated for this runner.
        case (.forwarding(let lease), .refused(let error)): return cancelAndFail(lease, error)
        case (.forwarding(let lease), .documentReceived(let document)):
            return receive(document, from: lease)
        case (.forwarding(let lease), .documentBegan(let status)):
            guard !headWasSent else {
                return cancelAndFail(lease, Self.runnerLost(lease.runner, "it responded without a stream"), .failed)
            }
            phase = .relayingDocument(lease, status: status)
            return noteWhatServed(lease) + [.beginDocument(lease, status: status)]
        case (.relayingDocument(let lease, let status), .documentEnded(let isComplete)):
            guard isComplete else {
                return abortDocument(lease, Self.runnerLost(lease.runner, "the document was truncated"), .failed)
            }
            phase = .finished
            return [.endStream, .returnLease(lease, .served), .settle(.completed(status: status))]
        case (.relayingDocument(let lease, _), .upstreamFailed(let failure)):
            return abortDocument(lease, Self.error(from: failure, runner: lease.runner), .failed)
        case (.forwarding(let lease), .responseTooLarge(let error)),
            (.relaying(let lease), .responseTooLarge(let error)):
            return cancelAndFail(lease, error)
        case (.relaying(let lease), .streamEnded(let complete)):
            guard complete else {
                return cancelAndFail(lease, Self.runnerLost(lease.runner, "the stream was interrupted"), .failed)
            }
            phase = .finished
            return [.endStream, .returnLease(lease, .served), .settle(.completed(status: 200))]
        case (.relaying(let lease), .streamCompleted):
            phase = .finished
            return [
                .releaseUpstream, .endStream, .returnLease(lease, .served), .settle(.completed(status: 200)),
            ]
        case (.relaying(let lease), .streamFailed(let error)):
            return cancelAndFail(lease, Self.stated(error, by: lease.runner), outcome(of: error))
        case (.forwarding(let lease), .upstreamFailed(let failure)): return handleLoss(lease, failure)
        case (.relaying(let lease), .upstreamFailed(let failure)):
            return cancelAndFail(lease, Self.error(from: failure, runner: lease.runner), .failed)

        case (_, .clientClosed): return clientDisconnected()
        case (_, .drainExpired):
            return abort(GatewayError(.shuttingDown, "The gateway is shutting down.", retry: .after(.seconds(5))))
        case (_, .totalTimeExpired):
            return abort(GatewayError(.upstreamTimeout, "The call exceeded the gateway's time limit."))
        default: return []
        }
    }

    private mutating func authorizeIfComplete() -> [Action] {
        guard let caller, let call else { return [] }
        return [.authorize(call, caller)]
    }

    // MARK: Placing and moving

    private mutating func forward(_ lease: Lease) -> [Action] {
        guard let authorized else { return [.returnLease(lease)] }
        phase = .forwarding(lease)
        attempts.staleRetryWasUsed = false
        mayAddUsageOption = true
        refusalReceived(nil)
        attempts.pathMoves = 0
        var actions: [Action] = []
        if headWasSent { actions.append(.sendComment(announcement(of: lease))) }
        actions.append(.forward(authorized, lease, usesNewConnection: false))
        return actions
    }

    /// The runner failed before anything of its response was relayed.
    private mutating func handleLoss(_ lease: Lease, _ failure: UpstreamFailure) -> [Action] {
        let error = Self.error(from: failure, runner: lease.runner)
        switch failure {
        // The gateway waits for counts only briefly, so that a slow one shows no fault of the machine.
        case .firstByteTimeout where hasEstimate, .connectionTimedOut where hasEstimate:
            phase = .finished
            return [.returnLease(lease, .undecided)] + self.failure(error)
        case .refused:
            return [.reportConnectionRefused(lease.runner)] + move(from: lease, error, excluding: false)
        case .unreachable:
            return [.reportUnreachable(lease.runner)] + move(from: lease, error, excluding: false)
        case .exhausted, .bodyUnavailable:
            // A limit of the gateway itself: it counts against no runner, and any other runner would fail in the
            // same way.
            phase = .finished
            return [.returnLease(lease, .undecided)] + self.failure(error)
        case .untrusted:
            return move(from: lease, error, excluding: true, .failed)
        case .staleConnection where limits.afterSend != .never && !attempts.staleRetryWasUsed:
            guard let authorized else { return [] }
            attempts.staleRetryWasUsed = true
            return [.forward(authorized, lease, usesNewConnection: true)]
        // The scheduler declared the machine unreachable. No byte of a response was received, so another runner may serve
        // the call.
        case .runnerDeclaredUnreachable: return move(from: lease, error, excluding: false)
        case .connectionTimedOut:
            return [.reportUnreachable(lease.runner)] + move(from: lease, error, excluding: false)
        case .closedBeforeResponse where limits.afterSend == .always,
            .staleConnection where limits.afterSend == .always:
            return move(from: lease, error, excluding: true, .failed)
        default:
            phase = .finished
            return [.returnLease(lease, .failed)] + self.failure(error)
        }
    }

    private mutating func refusalReceived(_ document: EngineDocument?) {
        attempts.refusal = document
        mustTranslate = document != nil
    }

    private mutating func receive(_ document: EngineDocument, from lease: Lease) -> [Action] {
        // Computed only where needed: most documents are results.
        var error: GatewayError { document.error(runner: lease.runner) }
        // A 500 counts against the runner once several callers have received one, so the outcome names the caller.
        let outcome = document.outcome(for: authorized?.caller.id ?? Caller.anonymous.id)
        if document.status == 404, authorized?.call.previousResponse != nil {
            // No other runner can continue the response, so it does not matter whether the engine lacks it or the model.
            return [.refreshModels(lease.runner)] + cancelAndFail(lease, .previousResponseIsUnknown, .undecided)
        }
        switch document.cause {
        // The caller asks for a count, which the gateway can estimate.
        case .requestRejected where hasEstimate, .internalError where hasEstimate:
            phase = .finished
            return [.returnLease(lease, outcome)] + failure(error)
        case .result where headWasSent && document.mayEndStream:
            phase = .finished
            return noteWhatServed(lease) + [
                .sendLastPart, .endStream, .returnLease(lease, outcome), .settle(.completed(status: 200)),
            ]
        case .result where headWasSent:
            return cancelAndFail(lease, Self.runnerLost(lease.runner, "it responded without a stream"), .failed)
        case .requestRejected where headWasSent, .internalError where headWasSent:
            return cancelAndFail(lease, error, outcome)
        case .result, .requestRejected, .internalError:
            phase = .finished
            return (document.cause == .result ? noteWhatServed(lease) : []) + [
                .sendDocument(lease, document), .returnLease(lease, outcome),
                .settle(.completed(status: document.status)),
            ]
        case .usageOptionRejected:
            guard let authorized, mayAddUsageOption else { return cancelAndFail(lease, error, outcome) }
            mayAddUsageOption = false
            return [.forward(authorized, lease, usesNewConnection: false)]
        case .translationNeeded, .formRefused:
            guard let authorized, !mustTranslate else { return cancelAndFail(lease, error, outcome) }
            refusalReceived(document)
            let note = document.cause == .translationNeeded ? [Action.noteEndpointTranslated(lease, error)] : []
            // Not a move: the same lease serves the translated call.
            return [.cancelForwarding] + note + [.forward(authorized, lease, usesNewConnection: false)]
        case .pathMissing:
            guard let authorized, attempts.pathMoves < Self.maxPathMoves else {
                return cancelAndFail(lease, error, outcome)
            }
            attempts.pathMoves += 1
            return [
                .cancelForwarding, .notePathMissing(lease, error),
                .forward(authorized, lease, usesNewConnection: false),
            ]
        case .modelMissing:
            return [.refreshModels(lease.runner)] + move(from: lease, error, excluding: true, outcome)
        // The engine cannot serve the translated call either: what it responded to the call itself is the better error.
        case .endpointMissing where attempts.refusal?.cause == .formRefused && attempts.refusal?.error != nil:
            guard let refusal = attempts.refusal, !headWasSent else {
                return cancelAndFail(lease, attempts.refusal?.error(runner: lease.runner) ?? error, .served)
            }
            phase = .finished
            return [
                .noteEndpointMissing(lease, error), .sendDocument(lease, refusal), .returnLease(lease, .served),
                .settle(.completed(status: refusal.status)),
            ]
        case .endpointMissing:
            failures.endpoint = failures.endpoint ?? error
            return [.noteEndpointMissing(lease, error)] + moveForEndpoint(from: lease, error, excluding: true, outcome)
        case .loading: return waitForLoading(lease, document.error)
        // The machine may be asleep behind its front end.
        case .foreignResponse: return move(from: lease, error, excluding: false, outcome)
        case .overloaded, .timedOut, .unavailable: return move(from: lease, error, excluding: true, outcome)
        case .gatewayRejected:
            return [.reportGatewayRejected(lease.runner, status: document.status)]
                + cancelAndFail(lease, error, outcome)
        case .invalid: return cancelAndFail(lease, error, outcome)
        }
    }

    /// The actions after a result: none, unless the engine served the call only without the usage option, or translated.
    private func noteWhatServed(_ lease: Lease) -> [Action] {
        (mayAddUsageOption ? [] : [.noteUsageOptionRejected(lease.runner)])
            + (mustTranslate ? [.noteTranslationServed(lease.runner)] : [])
    }

    /// An error in the engine's stream is handled like one in its document: an internal error of the engine names the caller
    /// that received it.
    private func outcome(of error: EngineError) -> LeaseOutcome {
        if let status = error.status, status < 500 { return .served }
        if ContextLengthError.isStated(by: error) { return .served }
        return .internalError(of: authorized?.caller.id ?? Caller.anonymous.id)
    }

    /// Maximum number of other paths tried on one runner.
    private static let maxPathMoves = 2
    /// Maximum number of runners tried because earlier ones lack the endpoint.
    private static let maxEndpointMoves = 64

    /// Gives the lease back and requests one on another runner: this runner lacks the endpoint, but has not failed.
    private mutating func moveForEndpoint(
        from lease: Lease, _ error: GatewayError, excluding: Bool, _ outcome: LeaseOutcome
    ) -> [Action] {
        guard attempts.endpointMoves < Self.maxEndpointMoves, let authorized else {
            return cancelAndFail(lease, failures.first ?? error, outcome)
        }
        attempts.endpointMoves += 1
        failures.loadingEngine = nil
        if excluding { attempts.excluded.insert(lease.runner) }
        phase = .placing
        return [.returnLease(lease, outcome), .place(authorized, excluding: attempts.excluded)]
    }

    /// Gives the lease back and requests one on another runner, unless the call has used up its moves.
    private mutating func move(
        from lease: Lease, _ error: GatewayError, excluding: Bool, _ outcome: LeaseOutcome = .undecided
    ) -> [Action] {
        guard attempts.moves < limits.moves, let authorized else {
            return cancelAndFail(lease, failures.first ?? error, outcome)
        }
        attempts.moves += 1
        failures.loadingEngine = nil
        failures.first = failures.first ?? error
        if excluding { attempts.excluded.insert(lease.runner) }
        phase = .placing
        return [.returnLease(lease, outcome), .place(authorized, excluding: attempts.excluded)]
    }

    // MARK: Waiting

    /// The call waits for the loading engine as it waits for a slot, until the scheduler refuses it. This is not a move.
    private mutating func waitForLoading(_ lease: Lease, _ error: EngineError?) -> [Action] {
        guard let authorized else {
            return cancelAndFail(lease, Self.runnerLost(lease.runner, "model loading"), .loading)
        }
        phase = .placing
        failures.loadingEngine = error
        return [.returnLease(lease, .loading), .place(authorized, excluding: attempts.excluded)]
    }

    private mutating func keepAlive() -> [Action] {
        guard streams else { return [] }
        if headWasSent { return [.sendKeepalive] }
        if case .relaying = phase { return [.sendKeepalive] }
        headWasSent = true
        var actions: [Action] = [.sendEarlyHead, .sendKeepalive]
        if case .forwarding(let lease) = phase { actions.append(.sendComment(announcement(of: lease))) }
        return actions
    }

    /// Names the runner to clients whose response head was sent before the runner was known.
    private func announcement(of lease: Lease) -> String {
        let wake = lease.wake.map { " wake=\($0)" } ?? ""
        let runner = announcesRunner ? " by \(lease.runner) \(lease.model)" : ""
        return "served\(runner) waited \(lease.waited.wholeMilliseconds)\(wake)"
    }

    // MARK: Ending

    private mutating func fail(_ error: GatewayError) -> [Action] {
        phase = .finished
        return failure(error)
    }

    private mutating func cancelAndFail(
        _ lease: Lease, _ error: GatewayError, _ outcome: LeaseOutcome = .undecided
    ) -> [Action] {
        let isRelaying = if case .relaying = phase { true } else { false }
        headWasSent = headWasSent || isRelaying
        phase = .finished
        return [.cancelForwarding, .returnLease(lease, outcome)] + failure(error)
    }

    /// A document that is partly sent cannot carry an error: the gateway truncates it, and the client detects that by the
    /// missing end of the body.
    private mutating func abortDocument(
        _ lease: Lease, _ error: GatewayError, _ outcome: LeaseOutcome = .undecided
    ) -> [Action] {
        phase = .finished
        return [.cancelForwarding, .returnLease(lease, outcome), .abortResponse, .settle(.failed(error))]
    }

    private var hasEstimate: Bool { authorized?.call.endpoint.hasEstimate ?? false }

    private func failure(_ error: GatewayError) -> [Action] {
        if hasEstimate, error.code != .modelNotFound {
            return [.sendOwnResponse, .settle(.completed(status: 200))]
        }
        return [headWasSent ? .failInBand(error) : .respond(error), .settle(.failed(error))]
    }

    /// The client has disconnected: all work for it stops, and nothing more is written.
    private mutating func clientDisconnected() -> [Action] {
        defer { phase = .finished }
        switch phase {
        case .reading, .finished: return [.settle(.clientDisconnected)]
        case .placing: return [.withdrawPlacement, .settle(.clientDisconnected)]
        case .forwarding(let lease), .relaying(let lease), .relayingDocument(let lease, _):
            return [.cancelForwarding, .returnLease(lease), .settle(.clientDisconnected)]
        }
    }

    private mutating func abort(_ error: GatewayError) -> [Action] {
        switch phase {
        case .reading, .finished: return fail(error)
        case .placing: return [.withdrawPlacement] + fail(error.quoting(failures.loadingEngine))
        case .forwarding(let lease), .relaying(let lease): return cancelAndFail(lease, error)
        case .relayingDocument(let lease, _): return abortDocument(lease, error)
        }
    }
}
