import NIOCore

/// How long connections to runners are kept. An engine may close an idle connection earlier; the next request on it then
/// fails as stale, and is sent again on a new connection.
struct UpstreamLifetimes: Hashable, Sendable {
    /// Maximum time for which a connection is kept without an exchange; nginx uses the same for its upstreams
    /// (`keepalive_timeout`).
    var idle: TimeAmount = .seconds(60)
    /// Maximum time for which a connection is used, so that changes of addresses and of routes take effect; nginx:
    /// `keepalive_time`.
    var age: TimeAmount = .hours(1)
}
