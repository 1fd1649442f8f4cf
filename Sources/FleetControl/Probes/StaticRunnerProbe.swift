import Logging
import NIOCore
import Relay
import Scheduling
import Settings
import SimpleAICore

/// Probes one static runner periodically: whether it is up and what it serves. Uses one event loop.
///
/// A probe uses a separate connection and never counts as activity, so it can neither keep a machine awake nor make a busy
/// one look idle. `ProbeSchedule` decides when it runs.
final class StaticRunnerProbe {
    private let runner: Settings.StaticRunner
    var id: RunnerID { runner.id }
    var schedule: ProbeSchedule
    /// The upstream for calls; it records the latest activity.
    private let callUpstream: Upstream
    /// The upstream for probes, at the same address.
    let probeUpstream: Upstream
    private var parser: ProbeResponseParser
    private let scheduler: Scheduler
    /// The connection pool of probes.
    private let pool: UpstreamPool
    /// The connection pools of calls.
    private let pools: UpstreamPools
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let contextLengths: ContextLengths
    private let capabilities: ModelCapabilities
    private let modelsChanged: () -> Void
    private var knownModels: [EngineModelID]?
    private var next: Scheduled<Void>?
    private var isProbing = false
    private var isRequestedAgain = false
    private var isStopped = false
    private var lastList: EngineModelList?
    private var lastProblem: String?

    /// - Parameter modelsChanged: called when the engine's list differs from the previous probe's.
    init(
        runner: Settings.StaticRunner, callUpstream: Upstream, probeUpstream: Upstream, scheduler: Scheduler,
        pool: UpstreamPool,
        pools: UpstreamPools, on eventLoop: any EventLoop, urgentInterval: Duration, contextLengths: ContextLengths,
        capabilities: ModelCapabilities, logger: Logger,
        modelsChanged: @escaping () -> Void
    ) {
        self.runner = runner
        self.schedule = ProbeSchedule(runner, urgentInterval: TimeAmount(urgentInterval))
        self.callUpstream = callUpstream
        self.probeUpstream = probeUpstream
        self.scheduler = scheduler
        self.pool = pool
        self.pools = pools
        parser = ProbeResponseParser(runner)
        self.eventLoop = eventLoop
        self.logger = logger
        self.contextLengths = contextLengths
        self.capabilities = capabilities
        self.modelsChanged = modelsChanged
    }

    /// Probes now and periodically after that.
    func probe() {
        next?.cancel()
        guard !isStopped else { return }
        guard !isProbing else {
            isRequestedAgain = true
            return
        }
        isProbing = true
        UpstreamFetch.get(
            runner.probe.path, from: probeUpstream, pool: pool, on: eventLoop, timeout: TimeAmount(runner.probe.timeout)
        ) { [weak self] result in
            self?.finish(result)
        }
    }

    func stop() {
        isStopped = true
        next?.cancel()
    }

    private func finish(_ result: Result<UpstreamFetch.Response, UpstreamFailure>) {
        isProbing = false
        guard !isStopped else { return }
        let isUp = report(result)
        if isRequestedAgain {
            isRequestedAgain = false
            return probe()
        }
        wait(schedule.nextWait(isUp: isUp))
    }

    private func wait(_ time: TimeAmount) {
        next = eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in self?.probeOrDefer() }
    }

    private func probeOrDefer() {
        if let time = schedule.remainingDeferral(servedAt: callUpstream.lastServedAt, now: .now()) {
            wait(time)
        } else {
            probe()
        }
    }

    /// - Returns: whether the runner is up and can serve.
    private func report(_ result: Result<UpstreamFetch.Response, UpstreamFailure>) -> Bool {
        let finding = parser.read(result)
        let reason = finding.reason(at: probeUpstream.authority)
        logger.debug(
            "Probe completed",
            metadata: [LogKeys.runner: "\(runner.id)", LogKeys.cause: "\(reason?.description ?? "healthy")"])
        reportProblem(finding.problem)
        switch finding {
        case .responded(let list, _):
            reportProblem(of: list)
            let models = list?.models
            scheduler.runnerResponded(runner.id, engineModels: models, reason: reason)
            if let list { capabilities.put(list.capabilities, of: runner.id) }
            let lengthsChanged = list.map { contextLengths.put($0.contextLengths, of: runner.id) } ?? false
            if models != knownModels || lengthsChanged {
                knownModels = models
                modelsChanged()
            }
            return true
        case .loading: scheduler.runnerIsLoading(runner.id, reason: reason)
        case .silent: scheduler.runnerSilent(runner.id, reason: reason)
        case .refused, .notAble: scheduler.runnerRefusedConnection(runner.id, reason: reason)
        case .foreignResponse: scheduler.foreignServerResponded(runner.id, reason: reason)
        case .unreachable: reportUnreachable(reason)
        // This is no evidence about the runner.
        case .noConnection: break
        }
        return false
    }

    /// An engine with a full backlog accepts no connection, but its machine still acknowledges the bytes of running calls.
    private func reportUnreachable(_ reason: OperatorReason?) {
        let (scheduler, callUpstream, id) = (scheduler, callUpstream, runner.id)
        pools.lastAcknowledgement(of: id, on: eventLoop).whenComplete { result in
            let acknowledgement = try? result.get()
            scheduler.runnerUnreachable(
                id, lastContactAt: [callUpstream.lastContactAt, acknowledgement].compactMap { $0 }.max(), reason: reason
            )
        }
    }

    /// Reports unusable entries of a list when they first occur, not at every probe.
    private func reportProblem(of list: EngineModelList?) {
        defer { lastList = list }
        guard let list, list.skipped > 0, list.problem != lastList?.problem || list.skipped != lastList?.skipped else {
            return
        }
        logger.warning(
            "Model names skipped",
            metadata: [
                LogKeys.runner: "\(runner.id)", LogKeys.count: "\(list.skipped)",
                LogKeys.cause: "\(list.problem ?? "")",
            ])
    }

    /// Reports a problem with a runner when it first occurs, not at every probe.
    private func reportProblem(_ problem: String?) {
        defer { lastProblem = problem }
        guard let problem, problem != lastProblem else { return }
        logger.warning(
            "Probe failed",
            metadata: [LogKeys.runner: "\(runner.id)", LogKeys.cause: "\(problem)"])
    }
}
