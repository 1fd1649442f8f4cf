package import Logging
import NIOCore
package import Relay
package import Scheduling
import Settings
package import SimpleAICore
import Synchronization

/// What all connections of the data plane share: few things, each safe to use on any event loop.
package final class DataPlaneServices: Sendable {
    private let currentRules: Mutex<DataPlaneRules>
    let credentials: CredentialChecks
    let scheduler: Scheduler
    let upstreams: UpstreamDirectory
    let pools: UpstreamPools
    let capacity: CallCapacity
    package let connections: ClientConnections
    package let metrics: CallMetrics
    let responses = ResponseOrigins()
    let drain: DrainState
    let logger: Logger
    package let accessLog: AccessLog
    /// Requests an immediate probe of a runner, because a call has contradicted its list of models.
    let refreshModels: @Sendable (RunnerID) -> Void

    /// - Parameters:
    ///   - maxConnections: of clients, within the process's limit of descriptors.
    ///   - limiter: counts calls for their callers and addresses; shared with the control plane.
    ///   - budget: memory for bodies; shared with the control plane.
    ///   - spool: where long multipart bodies are stored.
    package init(
        rules: DataPlaneRules, maxConnections: Int, credentials: CredentialChecks, scheduler: Scheduler,
        upstreams: UpstreamDirectory, pools: UpstreamPools, limiter: CallLimiter, budget: BufferBudget,
        spool: SpoolFiles,
        decoding: DecodingQueues = DecodingQueues(), metrics: CallMetrics = CallMetrics(), admissions: AdmissionMetrics,
        drain: DrainState, logger: Logger, accessLog: AccessLog,
        refreshModels: @escaping @Sendable (RunnerID) -> Void
    ) {
        currentRules = Mutex(rules)
        self.credentials = credentials
        self.scheduler = scheduler
        self.upstreams = upstreams
        self.pools = pools
        capacity = CallCapacity(
            limiter: limiter, budget: budget, spool: spool, decoding: decoding, admissions: admissions)
        self.metrics = metrics
        self.drain = drain
        self.logger = logger
        self.accessLog = accessLog
        self.refreshModels = refreshModels
        connections = ClientConnections(capacity: maxConnections, admissions: admissions, logger: logger)
    }

    /// The current rules. Code that needs several of them, or one twice, reads them once and keeps the result.
    package var rules: DataPlaneRules { currentRules.withLock { $0 } }

    /// Applies new rules to calls and connections that begin later.
    package func adopt(_ rules: DataPlaneRules) {
        currentRules.withLock { $0 = rules }
    }
}

/// The limits that all calls share.
struct CallCapacity: Sendable {
    /// Counts calls for their callers and addresses; shared with the control plane.
    let limiter: CallLimiter
    /// Memory for bodies; shared with the control plane.
    let budget: BufferBudget
    /// Disk space for long multipart bodies.
    let spool: SpoolFiles
    let decoding: DecodingQueues
    let admissions: AdmissionMetrics
}
