public import SimpleAICore

/// What the end of a call shows about its runner.
public enum LeaseOutcome: Hashable, Sendable {
    case served
    /// The machine failed: no connection, a timeout, 502, 503 or 504, or a broken response.
    case failed
    /// The engine responded with an internal error (500), which this caller's request may have caused: it counts
    /// against the runner once several callers have received one.
    case internalError(of: CallerID)
    /// The engine states that it cannot serve yet: 503 while it loads a model, or 503 of a runner that has not served a
    /// call since it became ready (`Lease.runnerHasServed`). Not counted as a failure; the call is placed again.
    case loading
    /// Another server responded in the engine's place: a front end's 502, or a web page. Not counted as a failure; the
    /// next probe decides.
    case foreignResponse
    /// No evidence: the client disconnected, or the caller or the gateway caused the failure.
    case undecided
}
