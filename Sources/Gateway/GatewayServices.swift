import KeyStore
import Logging
import NIOCore
import Relay
import Scheduling
import Settings
import SimpleAICore
import Synchronization

/// What every connection shares: few things, each of them safe to use from any event loop.
final class GatewayServices: Sendable {
    private let currentRules: Mutex<GatewayRules>
    /// Nil where settings say `auth.mode: none`: everybody is `Caller.anonymous`.
    let verifier: (any TokenVerifier)?
    /// Nil where there are none, by `auth.mode: none` or by settings.
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
    /// Requests that the control plane is answering, by address.
    let controlRequests = Mutex(ShareLedger<Peer>())
    let responses = ResponseOrigins()
    let decoding = DecodingLoops()
    let drain: DrainState
    let logger: Logger
    /// Asks a runner's probe to look again at once, because its list of models proved wrong.
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

    /// The rules of now. Whoever needs more than one of them, or needs them twice, asks once and keeps the answer.
    var rules: GatewayRules { currentRules.withLock { $0 } }

    /// From now on, for what begins from now on.
    func adopt(_ rules: GatewayRules) {
        currentRules.withLock { $0 = rules }
        let server = rules.settings.server
        budget.setLimit(server.maxBuffered.bytes, minShare: server.maxBody.bytes)
    }
}
