import Logging
import NIOCore
import SimpleAICore
import Synchronization

/// Admission of client connections: the shell around `ConnectionTable`, and the same for HTTP/2 streams. Queried once
/// for every connection, and for every stream opened while another is open; activity on a connection takes no lock.
final class ClientConnections: Sendable {
    private struct State {
        var table: ConnectionTable
        var channels: [ConnectionTable.Number: any Channel] = [:]
        var streams = ShareLedger<Peer>()
        var notice = RateLimitedLog(interval: .seconds(10))
    }

    private let state: Mutex<State>
    private let streamRule: FairShare
    private let capacity: Int
    private let metrics: Metrics
    private let logger: Logger

    /// - Parameter capacity: `server.max_connections`.
    init(capacity: Int, metrics: Metrics, logger: Logger) {
        state = Mutex(State(table: ConnectionTable(capacity: capacity)))
        // A client that multiplexes gets the number of streams that its connection was promised, and all clients
        // together twice as many as HTTP/1 connections could carry.
        streamRule = FairShare(capacity: max(1_024, 2 * capacity), minShare: HTTP2Connection.maxStreams)
        self.capacity = capacity
        self.metrics = metrics
        self.logger = logger
    }

    var count: Int { state.withLock { $0.table.count } }

    /// - Parameter holder: the peer's address; nil for a trusted proxy.
    /// - Returns: nil if there is no place for it.
    func admit(_ channel: any Channel, from holder: Peer?) -> ClientConnectionEntry? {
        let now = NIODeadline.now()
        let activity = ConnectionActivity(idleSince: Int64(clamping: now.uptimeNanoseconds))
        let (verdict, evicted, isNoted) = state.withLock { state in
            let verdict = state.table.open(holder, activity)
            let evicted = verdict.evicted.compactMap { state.channels[$0] }
            guard case .admitted(let number, _) = verdict else {
                return (verdict, evicted, state.notice.isDue(at: now))
            }
            state.channels[number] = channel
            return (verdict, evicted, evicted.isEmpty ? nil : state.notice.isDue(at: now))
        }
        for channel in evicted { channel.pipeline.fireUserInboundEventTriggered(ConnectionEviction()) }
        report(verdict, evicted.count, holder, isNoted)
        guard case .admitted(let number, _) = verdict else { return nil }
        let place = ClientConnectionEntry(number: number, holder: holder, activity: activity, connections: self)
        channel.closeFuture.whenComplete { [self] _ in closed(number) }
        return place
    }

    private func closed(_ number: ConnectionTable.Number) {
        state.withLock { state in
            state.channels[number] = nil
            state.table.closed(number)
        }
    }

    fileprivate func keptOpen(_ place: ClientConnectionEntry) {
        state.withLock { state in
            guard state.channels[place.number] != nil else { return }
            state.table.keptOpen(place.number, place.holder, place.activity)
        }
    }

    fileprivate func beginStream(_ holder: Peer?) -> Bool {
        let isGranted = state.withLock { $0.streams.take(for: holder, under: streamRule) == .granted }
        if !isGranted { metrics.shareWasRefused(.streams) }
        return isGranted
    }

    fileprivate func endStream(_ holder: Peer?) {
        state.withLock { $0.streams.giveBack(of: holder) }
    }

    private func report(
        _ verdict: ConnectionTable.Verdict, _ evicted: Int, _ holder: Peer?, _ suppressed: Int?
    ) {
        if evicted > 0 { metrics.connectionsWereEvicted(evicted) }
        if case .admitted = verdict {} else { metrics.shareWasRefused(.connections) }
        guard let suppressed else { return }
        let line: (message: Logger.Message, cause: Logger.MetadataValue?) =
            switch verdict {
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

/// A user event: the connection is evicted to make room. It closes if it is still idle.
struct ConnectionEviction: Sendable {}

/// A connection's place, used by its handlers.
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

    /// The connection was evicted but has received a request, and stays.
    func keepsConnection() { connections.keptOpen(self) }

    /// Counts a stream that was opened while another stream of the connection is open.
    /// - Returns: false if all connections together have too many; the stream must then be ended.
    func beginStream() -> Bool { connections.beginStream(holder) }

    func endStream() { connections.endStream(holder) }
}
