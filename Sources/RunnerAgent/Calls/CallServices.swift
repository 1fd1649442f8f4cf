import Logging
import NIOCore
import Relay
import SimpleAICore
import Synchronization

/// State that all connections from the gateway share.
final class CallServices: Sendable {
    let roster: EngineRoster
    let counts: CallCounts
    let pools: UpstreamPools
    /// The memory for request bodies: each is buffered until it is complete and its model is known.
    let budget: BufferBudget
    static let maxBody: ByteCount = .mebibytes(256)
    /// The connections per address: a gateway has one for each slot, one for its probes, and idle ones in its pools.
    private let connections = Mutex(ShareLedger<Peer>())
    private let connectionRule: FairShare
    /// In effect unlimited: the gateway decides how long an engine may take, and closes the connection.
    let timeouts = UpstreamTimeouts(connect: .seconds(3), firstByte: .hours(24), gap: .hours(24))
    let logger: Logger
    /// When a shutdown closes the connections of calls in progress.
    let shutdownDeadline = Mutex<NIODeadline>(.distantFuture)
    private let secret: String
    /// True until a gateway has registered the agent without the extension `http_auth`.
    private let demandsSecret = Atomic(true)

    /// - Parameters:
    ///   - connectionRule: how many connections an address may have.
    ///   - budget: the memory for request bodies.
    init(
        roster: EngineRoster, counts: CallCounts, secret: String, logger: Logger,
        connectionRule: FairShare = FairShare(capacity: 2_048, minShare: 64),
        budget: BufferBudget = BufferBudget(limit: ByteCount.mebibytes(512).bytes, minShare: maxBody.bytes)
    ) {
        self.connectionRule = connectionRule
        self.budget = budget
        self.roster = roster
        pools = UpstreamPools(logger: logger)
        self.counts = counts
        self.secret = secret
        self.logger = logger
    }

    /// Sets whether calls must contain the secret: whether the extension `http_auth` was agreed with the gateway.
    func demandSecret(_ isAgreed: Bool) { demandsSecret.store(isAgreed, ordering: .relaxed) }

    func log(_ change: AcceptErrorHandler.Change) {
        switch change {
        case .paused(let cause):
            logger.error("Accepting connections paused", metadata: [LogKeys.cause: "\(cause)"])
        case .resumed: logger.notice("Accepting connections resumed")
        }
    }

    func admits(authorization: String?) -> Bool {
        guard demandsSecret.load(ordering: .relaxed) else { return true }
        return Bearer.token(in: authorization).map { Bearer.isEqual($0, secret) } ?? false
    }

    /// - Returns: whether this address may open one more connection; if so, `endConnection` must follow.
    func beginConnection(from peer: Peer) -> Bool {
        connections.withLock { $0.take(for: peer, under: connectionRule) == .granted }
    }

    func endConnection(from peer: Peer) {
        connections.withLock { $0.giveBack(of: peer) }
    }
}
