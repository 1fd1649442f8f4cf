import Relay
import Scheduling
import SimpleAICore

/// The phases of a call, the events that change them, and the actions that follow.
extension CallState {
    enum Phase: Hashable {
        /// Credentials are being checked and the body is arriving.
        case reading
        /// A lease has been requested.
        case placing
        /// The request was sent to a runner; nothing of its response has been relayed.
        case forwarding(Lease)
        /// An event stream is being relayed.
        case relaying(Lease)
        /// A large document is being relayed.
        case relayingDocument(Lease, status: Int)
        case finished
    }

    enum Event {
        case authenticated(Caller)
        case bodyParsed(Call)
        /// Authentication, body or authorization failed.
        case refused(GatewayError)
        case authorized(AuthorizedCall)
        /// The call is allowed, and needs no runner.
        case answeredByGateway
        case placed(Lease)
        case placementRefused(GatewayError)
        /// Every runner that has the model lacks the endpoint.
        case endpointUnsupported(GatewayError)
        case keepaliveDue
        case streamBegan
        /// The engine sent a complete response that is not a stream.
        case documentReceived(EngineDocument)
        /// The engine's document is a result, and too large to be collected before it is relayed.
        case documentBegan(status: Int)
        /// The document's body ended.
        case documentEnded(isComplete: Bool)
        /// The engine's response exceeds the memory limit of responses.
        case responseTooLarge(GatewayError)
        case streamEnded(complete: Bool)
        /// The engine sent its final event; its body may still be open.
        case streamCompleted
        /// The engine stated an error in its stream.
        case streamFailed(EngineError)
        case upstreamFailed(UpstreamFailure)
        case clientClosed
        case drainExpired
        case totalTimeExpired
    }

    enum Action: Hashable {
        /// Authentication succeeded: send `100 Continue` to a client that waits for it.
        case acceptBody
        case authorize(Call, Caller)
        case place(AuthorizedCall, excluding: Set<RunnerID>)
        case withdrawPlacement
        /// If `usesNewConnection`, use a new connection, because a kept-alive one turned out to be stale.
        case forward(AuthorizedCall, Lease, usesNewConnection: Bool)
        case cancelForwarding
        /// Give the engine a short time to end its response, so that its connection can be reused.
        case releaseUpstream
        /// The engine rejected the option that the gateway added, and served the call without it.
        case noteUsageOptionRejected(RunnerID)
        case noteEndpointMissing(Lease, GatewayError)
        /// Record that the engine lacks the path to which the call was sent.
        case notePathMissing(Lease, GatewayError)
        /// Record that calls to the endpoint are translated for this engine.
        case noteEndpointTranslated(Lease, GatewayError)
        /// The runner served the call translated, and not as it is: later calls are translated at once.
        case noteTranslationServed(RunnerID)
        /// Report to the operator that the engine rejects the gateway's credentials.
        case reportGatewayRejected(RunnerID, status: Int)
        /// Return the lease, with the outcome of the call for its runner.
        case returnLease(Lease, LeaseOutcome = .undecided)
        /// Report to the scheduler that no connection to the runner could be established.
        case reportUnreachable(RunnerID)
        /// Report to the scheduler that the runner refused the connection.
        case reportConnectionRefused(RunnerID)
        case refreshModels(RunnerID)
        /// Send the head of a stream before its runner is known.
        case sendEarlyHead
        /// Send bytes that keep the stream alive.
        case sendKeepalive
        /// Send a note for people who watch the stream.
        case sendComment(String)
        /// Send the head of the engine's stream, unless one has been sent.
        case beginStream(Lease)
        /// Send the engine's document, whatever its status.
        case sendDocument(Lease, EngineDocument)
        /// Send the engine's document as the last part of a stream.
        case sendLastPart
        /// Send the gateway's own result.
        case sendOwnResponse
        /// Send the head of the engine's document and the bytes received so far; the rest follows as it arrives.
        case beginDocument(Lease, status: Int)
        /// Truncate the response.
        case abortResponse
        case respond(GatewayError)
        /// Send an error event, and end the stream without `[DONE]`.
        case failInBand(GatewayError)
        case endStream
        case settle(Ending)
    }

    /// How a call ended, for metrics and the access log.
    enum Ending: Hashable {
        case completed(status: Int)
        case failed(GatewayError)
        case clientDisconnected
    }
}
