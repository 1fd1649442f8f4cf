import KeyStore
import Logging
import NIOCore
import Relay
import Scheduling
import Settings
import SimpleAICore

/// What every connection shares: few things, each of them safe to use from any event loop.
final class GatewayServices: Sendable {
    let settings: Settings
    let classes: ClassTable
    let policy: AccessPolicy
    /// Nil where settings say `auth.mode: none`: everybody is `Caller.anonymous`.
    let verifier: (any TokenVerifier)?
    /// Nil where there are none, by `auth.mode: none` or by settings.
    let keys: KeyStore?
    let scheduler: Scheduler
    let upstreams: UpstreamDirectory
    let agents: Agents
    let pools = UpstreamPools()
    let metrics: Metrics
    let throttle: AuthenticationThrottle
    let callLimits: CallState.Limits
    let upstreamTimeouts: UpstreamTimeouts
    let budget: BufferBudget
    let responses = ResponseOrigins()
    let drain: DrainState
    let logger: Logger
    /// Asks a runner's probe to look again at once, because its list of models proved wrong.
    let refreshModels: @Sendable (RunnerID) -> Void

    init(
        settings: Settings, classes: ClassTable, verifier: (any TokenVerifier)?, keys: KeyStore? = nil,
        scheduler: Scheduler, upstreams: UpstreamDirectory, agents: Agents, metrics: Metrics, drain: DrainState,
        logger: Logger,
        refreshModels: @escaping @Sendable (RunnerID) -> Void
    ) {
        self.settings = settings
        self.classes = classes
        self.policy = AccessPolicy(
            classes: classes, wakeRoles: settings.wake.roles, showsMembers: settings.models.showMembers,
            exactPolicy: PlacementPolicy(settings.routing.policy), grants: settings.policies)
        self.verifier = verifier
        self.keys = keys
        self.scheduler = scheduler
        self.upstreams = upstreams
        self.agents = agents
        self.drain = drain
        self.callLimits = CallState.Limits(settings.routing)
        let timeouts = settings.routing.timeouts
        self.upstreamTimeouts = UpstreamTimeouts(
            connect: TimeAmount(timeouts.connect), firstByte: TimeAmount(timeouts.firstByte),
            gap: TimeAmount(timeouts.gap))
        self.budget = BufferBudget(limit: settings.server.maxBuffered.bytes)
        self.metrics = metrics
        self.throttle = AuthenticationThrottle(
            perMinute: settings.auth.failedAttemptsPerMinute, metrics: metrics)
        self.logger = logger
        self.refreshModels = refreshModels
    }

    /// Whether this caller is told which runner served.
    func showsRunner(to caller: Caller?) -> Bool {
        switch settings.expose.runner {
        case .all: true
        case .admin: caller?.isAdmin ?? false
        case .none: false
        }
    }
}
