import KeyStore
import Logging
import NIOCore
import Relay
import Scheduling
import Settings
import SimpleAICore
import Synchronization

/// The state that all connections share; every part is safe to use on any event loop.
final class GatewayServices: Sendable {
    private let currentRules: Mutex<GatewayRules>
    /// Nil for `auth.mode: none`: every caller is `Caller.anonymous`.
    let verifier: (any TokenVerifier)?
    /// Nil if API keys are disabled: by `auth.mode: none`, or without `keys.database`.
    let keys: KeyStore?
    let scheduler: Scheduler
    let upstreams: UpstreamDirectory
    let agents: Agents
    let contextLengths: ContextLengths
    let pools: UpstreamPools
    let metrics: Metrics
    let throttle: AuthenticationThrottle
    let limiter = CallLimiter()
    let budget: BufferBudget
    let connections: ClientConnections
    /// Control-plane requests in progress, by address.
    let controlRequests = Mutex(ShareLedger<Peer>())
    let responses = ResponseOrigins()
    let decoding = DecodingQueues()
    let drain: DrainState
    let logger: Logger
    /// Requests an immediate probe of a runner whose model list has proved wrong.
    let refreshModels: @Sendable (RunnerID) -> Void

    init(
        rules: GatewayRules, maxConnections: Int, verifier: (any TokenVerifier)?, keys: KeyStore? = nil,
        scheduler: Scheduler, upstreams: UpstreamDirectory, pools: UpstreamPools, agents: Agents,
        contextLengths: ContextLengths, metrics: Metrics, drain: DrainState, logger: Logger,
        refreshModels: @escaping @Sendable (RunnerID) -> Void
    ) {
        self.currentRules = Mutex(rules)
        self.verifier = verifier
        self.keys = keys
        self.scheduler = scheduler
        self.upstreams = upstreams
        self.pools = pools
        self.agents = agents
        self.contextLengths = contextLengths
        self.drain = drain
        let server = rules.settings.server
        self.budget = BufferBudget(limit: server.maxBuffered.bytes, minShare: server.maxBody.bytes)
        self.connections = ClientConnections(capacity: maxConnections, metrics: metrics, logger: logger)
        self.metrics = metrics
        self.throttle = AuthenticationThrottle(
            perMinute: rules.settings.auth.failedAttemptsPerMinute, metrics: metrics)
        self.logger = logger
        self.refreshModels = refreshModels
    }

    /// The current rules. Code that uses them more than once must read them once, because a reload may replace them.
    var rules: GatewayRules { currentRules.withLock { $0 } }

    /// Applies new rules to calls and connections that start later.
    func adopt(_ rules: GatewayRules) {
        currentRules.withLock { $0 = rules }
        let server = rules.settings.server
        budget.setLimit(server.maxBuffered.bytes, minShare: server.maxBody.bytes)
    }
}
