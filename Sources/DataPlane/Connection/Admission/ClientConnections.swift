import Logging
import NIOCore
package import SimpleAICore
import Synchronization

/// Admits client connections and HTTP/2 streams: the thread-safe shell around `ConnectionTable`. It takes its lock when a
/// connection opens or closes, and for streams beyond a connection's first, but not for activity on a connection.
package final class ClientConnections: MetricSource {
    private struct State {
        var table: ConnectionTable
        var channels: [ConnectionTable.Number: any Channel] = [:]
        var streams = ShareLedger<Peer>()
        var notice = RateLimitedLog(interval: .seconds(10))
    }

    private let state: Mutex<State>
    private let streamRule: FairShare
    private let capacity: Int
    private let admissions: AdmissionMetrics
    private let evictions = Atomic<Int>(0)
    private let logger: Logger

    /// - Parameter capacity: `server.max_connections`.
    init(capacity: Int, admissions: AdmissionMetrics, logger: Logger) {
        state = Mutex(State(table: ConnectionTable(capacity: capacity)))
        // One client may use all streams that its connection advertises, all clients together twice as many as there
        // may be connections.
        streamRule = FairShare(capacity: max(1_024, 2 * capacity), minShare: HTTP2Connection.maxStreams)
        self.capacity = capacity
        self.admissions = admissions
        self.logger = logger
    }

    var count: Int { state.withLock { $0.table.count } }

    package func write(to page: inout ExpositionPage) {
        page.metric("simpleai_connections_open", .gauge, "Number of open client connections, including runner agents.")
        {
            $0.sample([:], count)
        }
        page.metric(
            "simpleai_connections_evicted_total", .counter, "Total number of idle client connections evicted."
        ) { $0.sample([:], evictions.load(ordering: .relaxed)) }
    }

    /// - Parameter holder: the peer's address; nil for a trusted proxy.
    /// - Returns: nil if the connection is refused.
    func admit(_ channel: any Channel, from holder: Peer?) -> ClientConnectionEntry? {
        let now = NIODeadline.now()
        let activity = ConnectionActivity(idleSince: Int64(clamping: now.uptimeNanoseconds))
        let (decision, evicted, suppressed) = state.withLock { state in
            let decision = state.table.open(holder, activity)
            let evicted = decision.evicted.compactMap { state.channels[$0] }
            guard case .admitted(let number, _) = decision else {
                return (decision, evicted, state.notice.suppressedCountIfDue(at: now))
            }
            state.channels[number] = channel
            return (decision, evicted, evicted.isEmpty ? nil : state.notice.suppressedCountIfDue(at: now))
        }
        for channel in evicted { channel.pipeline.fireUserInboundEventTriggered(ConnectionEviction()) }
        report(decision, evicted.count, holder, suppressed)
        guard case .admitted(let number, _) = decision else { return nil }
        let entry = ClientConnectionEntry(number: number, holder: holder, activity: activity, connections: self)
        channel.closeFuture.whenComplete { [self] _ in closed(number) }
        return entry
    }

    private func closed(_ number: ConnectionTable.Number) {
        state.withLock { state in
            state.channels[number] = nil
            state.table.closed(number)
        }
    }

    fileprivate func keptOpen(_ entry: ClientConnectionEntry) {
        state.withLock { state in
            guard state.channels[entry.number] != nil else { return }
            state.table.keptOpen(entry.number, entry.holder, entry.activity)
        }
    }

    fileprivate func beginStream(_ holder: Peer?) -> Bool {
        let isGranted = state.withLock { $0.streams.take(for: holder, under: streamRule) == .granted }
        if !isGranted { admissions.shareWasRefused(.streams) }
        return isGranted
    }

    fileprivate func endStream(_ holder: Peer?) {
        state.withLock { $0.streams.giveBack(of: holder) }
    }

    private func report(
        _ decision: ConnectionTable.Decision, _ evicted: Int, _ holder: Peer?, _ suppressed: Int?
    ) {
        if evicted > 0 { evictions.wrappingAdd(evicted, ordering: .relaxed) }
        if case .admitted = decision {} else { admissions.shareWasRefused(.connections) }
        guard let suppressed else { return }
        let line: (message: Logger.Message, cause: Logger.MetadataValue?) =
            switch decision {
            case .admitted: ("Idle connections evicted", nil)
            case .exhausted: ("Connection refused", "server.max_connections reached")
            case .beyondShare: ("Connection refused", "per-address share of server.max_connections reached")
            }
        var metadata: Logger.Metadata = [
            LogKeys.address: "\(holder.map { "\($0)" } ?? "trusted proxy")", LogKeys.limit: "\(capacity)",
            LogKeys.count: "\(evicted)", LogKeys.suppressed: "\(suppressed)",
        ]
        metadata[LogKeys.cause] = line.cause
        logger.warning(line.message, metadata: metadata)
    }
}

/// A user event that evicts a connection: it closes if it is still idle.
struct ConnectionEviction: Sendable {}

/// A connection's entry in `ClientConnections`, used by its handlers.
final class ClientConnectionEntry: Sendable {
    fileprivate let number: ConnectionTable.Number
    fileprivate let holder: Peer?
    fileprivate let activity: ConnectionActivity
    private let connections: ClientConnections

    fileprivate init(
        number: ConnectionTable.Number, holder: Peer?, activity: ConnectionActivity, connections: ClientConnections
    ) {
        self.number = number
        self.holder = holder
        self.activity = activity
        self.connections = connections
    }

    /// A request is being read or answered, or the connection has switched to another protocol.
    func becameBusy() { activity.becameBusy() }

    func becameIdle(at time: NIODeadline) { activity.becameIdle(at: Int64(clamping: time.uptimeNanoseconds)) }

    /// The connection was evicted, but has received a request in the meantime and remains open.
    func keepOpen() { connections.keptOpen(self) }

    /// Counts a stream that was opened while another stream of the connection is open.
    /// - Returns: false if the limit of all connections is reached; the stream must then be reset.
    func beginStream() -> Bool { connections.beginStream(holder) }

    func endStream() { connections.endStream(holder) }
}
