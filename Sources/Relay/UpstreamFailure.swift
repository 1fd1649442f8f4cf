/// Why an exchange with a runner failed, in the detail that retries and health tracking need.
public enum UpstreamFailure: Error, Hashable, Sendable {
    /// The host refused the connection: it is up, its engine is not.
    case refused
    /// The host is unreachable: no route, or no response to the connection attempt in time.
    case unreachable(String)
    /// This process has no descriptor, buffer or memory left for a connection: no evidence about the runner.
    case exhausted(String)
    /// This process could not read the rest of a request body from its disk: no evidence about the runner.
    case bodyUnavailable(String)
    /// The TLS handshake failed.
    case untrusted(String)
    /// The peer had already closed a kept-alive connection: no response byte was received.
    case staleConnection
    /// A new connection failed after the request was sent and before any response byte.
    case closedBeforeResponse
    /// The connection failed during the response.
    case closedDuringResponse
    /// The machine has acknowledged nothing for too long: TCP's keepalive or user timeout (RFC 5482) ended the
    /// connection before any response byte.
    case connectionTimedOut
    /// The runner was declared unreachable before any response byte.
    case runnerDeclaredUnreachable
    /// The received bytes are not an HTTP response.
    case malformed(String)
    /// No byte of the response body arrived within the timeout.
    case firstByteTimeout
    /// A gap in the response longer than the timeout.
    case gapTimeout

    /// A description for the operator; the address is logged separately.
    public var reason: String {
        switch self {
        case .refused: "connection refused"
        case .unreachable(let reason), .exhausted(let reason), .bodyUnavailable(let reason), .untrusted(let reason),
            .malformed(let reason):
            reason
        case .staleConnection, .closedBeforeResponse: "the connection was closed without a response"
        case .closedDuringResponse: "the connection was closed during the response"
        case .connectionTimedOut: "the host stopped acknowledging packets"
        case .runnerDeclaredUnreachable: "the machine is unreachable"
        case .firstByteTimeout: "no response in time"
        case .gapTimeout: "the response stalled"
        }
    }

    /// Whether no byte of the request can have reached the engine.
    public var occurredBeforeSending: Bool {
        switch self {
        case .refused, .unreachable, .exhausted, .untrusted: true
        default: false
        }
    }
}
