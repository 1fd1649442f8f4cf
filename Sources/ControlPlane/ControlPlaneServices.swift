package import Logging
package import Relay
package import Scheduling
package import Settings
package import SimpleAICore
package import Storage
import Synchronization

/// The control plane's part in inviting runners.
package struct Invitations: Sendable {
    let store: RunnerTokenStore
    /// Closes the connection of a runner whose token was withdrawn.
    let disconnect: @Sendable (RunnerID) -> Void

    package init(store: RunnerTokenStore, disconnect: @escaping @Sendable (RunnerID) -> Void) {
        self.store = store
        self.disconnect = disconnect
    }
}

/// What the control plane's handlers share.
package final class ControlPlaneServices: Sendable {
    /// The rules of requests as one immutable snapshot, replaced as a whole by a reload.
    package struct Rules: Sendable {
        package let settings: Settings
        package let access: AccessRules

        package init(settings: Settings, access: AccessRules) {
            self.settings = settings
            self.access = access
        }
    }

    private let currentRules: Mutex<Rules>
    let credentials: CredentialChecks
    /// Nil if API keys are off, by `auth.mode: none` or by settings.
    package let keys: KeyStore?
    let invitations: Invitations
    /// The program's version.
    let version: String
    let scheduler: Scheduler
    let upstreams: UpstreamDirectory
    let contextLengths: ContextLengths
    let capabilities: ModelCapabilities
    let limiter: CallLimiter
    let budget: BufferBudget
    let admissions: AdmissionMetrics
    /// The parts whose metrics the page lists, in its order.
    let metrics: [any MetricSource]
    /// Requests in progress, by address.
    let requests = Mutex(ShareLedger<Peer>())
    let drain: DrainState
    let logger: Logger

    package init(
        rules: Rules, credentials: CredentialChecks, keys: KeyStore?, invitations: Invitations, version: String,
        scheduler: Scheduler, upstreams: UpstreamDirectory, contextLengths: ContextLengths,
        capabilities: ModelCapabilities, limiter: CallLimiter, budget: BufferBudget,
        admissions: AdmissionMetrics,
        metrics: [any MetricSource], drain: DrainState, logger: Logger
    ) {
        currentRules = Mutex(rules)
        self.credentials = credentials
        self.keys = keys
        self.invitations = invitations
        self.version = version
        self.scheduler = scheduler
        self.upstreams = upstreams
        self.contextLengths = contextLengths
        self.capabilities = capabilities
        self.limiter = limiter
        self.budget = budget
        self.admissions = admissions
        self.metrics = metrics
        self.drain = drain
        self.logger = logger
    }

    /// The current rules. Code that needs several of them, or one twice, reads them once and keeps the result.
    var rules: Rules { currentRules.withLock { $0 } }

    /// Applies new rules to later requests.
    package func adopt(_ rules: Rules) {
        currentRules.withLock { $0 = rules }
    }
}
