import Synchronization

/// Whether a connection serves a request; written by its event loop, read by threads that look for a connection to
/// evict.
final class ConnectionActivity: Sendable {
    private static let busy = Int64.max
    /// Start of the idle time in nanoseconds of the uptime clock; `busy` while a request is being read or answered.
    private let idleSinceOrBusy: Atomic<Int64>

    init(idleSince time: Int64) {
        idleSinceOrBusy = Atomic(time)
    }

    /// Start of the idle time; nil while busy.
    var idleSince: Int64? {
        let time = idleSinceOrBusy.load(ordering: .relaxed)
        return time == Self.busy ? nil : time
    }

    func becameBusy() { idleSinceOrBusy.store(Self.busy, ordering: .relaxed) }
    func becameIdle(at time: Int64) { idleSinceOrBusy.store(time, ordering: .relaxed) }
}
