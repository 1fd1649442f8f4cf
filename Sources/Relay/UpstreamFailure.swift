/// How an exchange with a runner can fail, told apart as far as retrying and blaming need it.
public enum UpstreamFailure: Error, Hashable, Sendable {
    /// The host refused the connection: it is there, its engine is not.
    case refused
    /// Nobody there: no route, or no answer to the connection attempt in time.
    case unreachable(String)
    /// This process has no descriptor, buffer or memory left for a connection: says nothing about the runner.
    case exhausted(String)
    /// The TLS handshake failed.
    case untrusted(String)
    /// A kept-alive connection had been closed by the other side: no answer byte came. `requestWasSent` is true.
    case staleConnection
    /// A fresh connection broke after the request was sent and before any answer byte.
    case closedBeforeAnswer
    /// The connection broke in the middle of the answer.
    case closedDuringAnswer
    /// The machine has acknowledged nothing for too long: TCP's keepalive or user timeout (RFC 5482) ended the connection
    /// before any byte of a response.
    case connectionTimedOut
    /// The runner was declared gone while no byte of a response had come.
    case machineGone
    /// What came was no HTTP answer.
    case malformed(String)
    /// No byte of the answer's body within the limit.
    case firstByteTimeout
    /// A gap in the answer longer than the limit.
    case gapTimeout

    /// Whether no byte of the request can have reached the engine.
    public var happenedBeforeSending: Bool {
        switch self {
        case .refused, .unreachable, .exhausted, .untrusted: true
        default: false
        }
    }
}
