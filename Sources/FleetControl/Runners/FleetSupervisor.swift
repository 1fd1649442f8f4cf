import Logging
import NIOCore
import Relay
import Scheduling
import ServiceLifecycle
import Settings
import SimpleAICore
import Synchronization

/// Keeps the scheduler's view of the fleet up to date: runs the probes, performs the scheduler's effects (packets,
/// timers), and saves the state that must survive a restart. Uses one event loop.
package final class FleetSupervisor: Service {
    /// The current settings.
    private let settings: Mutex<Settings>
    private let scheduler: Scheduler
    private let upstreams: UpstreamDirectory
    /// The connection pools of calls.
    private let pools: UpstreamPools
    private let machines: MachineDirectory
    private let waker: MachineWaker
    private let suspender: MachineSuspender
    private let agents: any AgentCommands
    private let memory: FleetMemory
    private let metrics: FleetMetrics
    private let logger: Logger
    private let eventLoop: any EventLoop
    /// The connection pool of probes and checks: one connection for each.
    private let pool: NIOLoopBoundBox<UpstreamPool>
    private let probes: NIOLoopBoundBox<[RunnerID: StaticRunnerProbe]>
    private let isProbing: NIOLoopBoundBox<Bool>
    private let timer: NIOLoopBoundBox<(at: ContinuousClock.Instant, task: Scheduled<Void>)?>

    init(
        settings: Settings, scheduler: Scheduler, upstreams: UpstreamDirectory, pools: UpstreamPools,
        machines: MachineDirectory, power: any PowerControl, agents: any AgentCommands, memory: FleetMemory,
        metrics: FleetMetrics, logger: Logger, on eventLoop: any EventLoop
    ) {
        self.settings = Mutex(settings)
        self.pool = .makeBoxSendingValue(UpstreamPool(eventLoop: eventLoop), eventLoop: eventLoop)
        self.scheduler = scheduler
        self.upstreams = upstreams
        self.pools = pools
        self.machines = machines
        self.agents = agents
        self.memory = memory
        self.waker = MachineWaker(
            machines: machines, power: power, scheduler: scheduler, metrics: metrics, logger: logger, on: eventLoop)
        self.suspender = MachineSuspender(
            machines: machines, power: power, scheduler: scheduler, logger: logger, on: eventLoop)
        self.metrics = metrics
        self.logger = logger
        self.eventLoop = eventLoop
        self.probes = .makeBoxSendingValue([:], eventLoop: eventLoop)
        self.isProbing = .makeBoxSendingValue(false, eventLoop: eventLoop)
        self.timer = .makeEmptyBox(eventLoop: eventLoop)
    }

    /// Starts performing the scheduler's effects. Must be called before the first inference call: an effect without a
    /// handler is lost.
    package func performEffects() {
        scheduler.onEffect { [self] effect in perform(effect) }
        // A missing file is written now, so that an unwritable path is reported at start.
        remember()
        // Runners from before a restart already have deadlines.
        scheduler.timePassed()
    }

    /// Probes until the gateway has shut down.
    package func run() async throws {
        try await eventLoop.submit { try self.startProbes() }.get()
        do {
            try await gracefulShutdown()
        } catch {
            // Cancelled: the probes must be stopped nevertheless.
        }
        try await eventLoop.submit {
            self.isProbing.value = false
            for probe in self.probes.value.values { probe.stop() }
            self.probes.value = [:]
            self.timer.value?.task.cancel()
        }.get()
        // Breaks the reference cycle between the scheduler and its supervisor.
        scheduler.onEffect { _ in }
        // The last write: the operator may remove or move the state file once the gateway has ended.
        try await memory.settled()
    }

    /// Probes a runner immediately.
    func probe(_ id: RunnerID) {
        eventLoop.execute { self.probes.value[id]?.probe() }
    }

    private func startProbes() throws {
        isProbing.value = true
        for runner in settings.withLock({ $0.runners }) {
            guard let callUpstream = upstreams[runner.id] else { continue }
            start(probe(of: runner, callUpstream: callUpstream, probeUpstream: try Upstream(runner)), isUrgent: true)
        }
    }

    private func probe(
        of runner: Settings.StaticRunner, callUpstream: Upstream, probeUpstream: Upstream
    ) -> StaticRunnerProbe {
        StaticRunnerProbe(
            runner: runner, callUpstream: callUpstream, probeUpstream: probeUpstream, scheduler: scheduler,
            pool: pool.value, pools: pools,
            on: eventLoop, urgentInterval: settings.withLock { $0.wake.probeInterval },
            contextLengths: machines.contextLengths, capabilities: machines.capabilities, logger: logger
        ) { [weak self] in self?.remember() }
    }

    private func start(_ probe: StaticRunnerProbe, isUrgent: Bool) {
        probes.value[probe.id] = probe
        probe.schedule.isUrgent = isUrgent
        probe.probe()
    }

    // MARK: Reload

    /// Applies a plan to the static runners while calls run. Agents' runners do not change.
    func adopt(_ plan: RunnerPlan, _ settings: Settings) {
        self.settings.withLock { $0 = settings }
        machines.adopt(settings)
        // An address must exist before the scheduler knows its runner and as long as it does: a call may be placed at
        // any moment.
        for change in plan.changed { upstreams.put(change.callUpstream) }
        scheduler.change(adding: plan.changed.map { Runner($0.runner) }, removing: plan.removed)
        for id in plan.removed {
            upstreams.remove(id)
            machines.contextLengths.remove(id)
            machines.capabilities.remove(id)
        }
        eventLoop.execute { [self] in
            guard isProbing.value else { return }
            for probe in probes.value.values { probe.schedule.urgentInterval = TimeAmount(settings.wake.probeInterval) }
            for id in plan.removed { stopProbe(of: id) }
            for change in plan.changed {
                let wasUrgent = stopProbe(of: change.runner.id)
                start(
                    probe(of: change.runner, callUpstream: change.callUpstream, probeUpstream: change.probeUpstream),
                    isUrgent: wasUrgent ?? true
                )
            }
        }
    }

    /// - Returns: whether the runner's probe was urgent; nil if it had none.
    @discardableResult
    private func stopProbe(of id: RunnerID) -> Bool? {
        guard let probe = probes.value.removeValue(forKey: id) else { return nil }
        probe.stop()
        probe.probeUpstream.retire()
        pool.value.closeIdle(of: probe.probeUpstream)
        return probe.schedule.isUrgent
    }

    /// Whether a runner was registered by an agent, now or before a restart.
    func isAgent(_ id: RunnerID) -> Bool { machines.agents[id] != nil }

    // MARK: Effects

    private func perform(_ effect: SchedulerEffect) {
        switch effect {
        case .grant, .reject: break  // `Scheduler` resumes the waiting call
        case .startTimer(let instant): startTimer(at: instant)
        case .sendPacket(let runner, let wake, let number, let isFallingAsleep):
            waker.attempt(runner, wake, number: number, isFallingAsleep: isFallingAsleep)
        case .stateChanged(let runner, let old, let new, let reason): stateChanged(runner, from: old, to: new, reason)
        case .wakeStarted(let runner, let wake):
            logger.info(
                "Wake started", metadata: [LogKeys.runner: "\(runner)", LogKeys.wake: "\(wake)"])
        case .wakeEnded(let runner, let wake, let time, let succeeded):
            waker.forget(runner)
            metrics.wakeEnded(succeeded: succeeded)
            logger.log(
                level: succeeded ? .info : .warning, succeeded ? "Wake completed" : "Wake failed",
                metadata: [
                    LogKeys.runner: "\(runner)", LogKeys.wake: "\(wake)",
                    LogKeys.duration: "\(time.wholeMilliseconds)",
                ])
            if succeeded { remember() }
        case .loadModel(let runner, let model, let request):
            logger.info(
                "Model load started", metadata: [LogKeys.runner: "\(runner)", LogKeys.model: "\(model)"])
            agents.send(.loadModel(model.rawValue), to: runner, request)
        case .unloadModel(let runner, let model, let request):
            agents.send(.unloadModel(model.rawValue), to: runner, request)
        case .loadFailed(let runner, let model, let reason):
            logger.warning(
                "Model load failed",
                metadata: [
                    LogKeys.runner: "\(runner)", LogKeys.model: "\(model)", LogKeys.cause: "\(reason)",
                ])
        case .sleepMachine(let runner, let request, let method):
            metrics.sleepStarted()
            logger.info("Sleep started", metadata: [LogKeys.runner: "\(runner)"])
            switch method {
            case .agent: agents.send(.sleep, to: runner, request)
            case .gateway: suspender.suspend(runner, request)
            }
        case .sleepFailed(let runner, let reason):
            logger.warning(
                "Sleep failed",
                metadata: [LogKeys.runner: "\(runner)", LogKeys.cause: "\(reason)"])
        case .checkRunner(let runner, let model, let request): check(runner, model, request)
        case .checkFailed(let runner, let reason):
            logger.warning(
                "Post-wake check failed",
                metadata: [LogKeys.runner: "\(runner)", LogKeys.cause: "\(reason)"])
        case .ejected(let runner, let time):
            metrics.runnerWasEjected()
            logger.warning(
                "Runner ejected",
                metadata: [LogKeys.runner: "\(runner)", LogKeys.duration: "\(time.wholeMilliseconds)"])
        case .readmitted(let runner):
            logger.info("Runner readmitted", metadata: [LogKeys.runner: "\(runner)"])
        }
    }

    private func check(_ runner: RunnerID, _ model: EngineModelID, _ request: CommandID) {
        eventLoop.execute { [self] in
            guard let upstream = upstreams[runner] else {
                return scheduler.checkCompleted(runner, request, failure: "the runner has no address")
            }
            EngineCheck.run(model: model, on: upstream, pool: pool.value, eventLoop: eventLoop) { [scheduler] failure in
                scheduler.checkCompleted(runner, request, failure: failure)
            }
        }
    }

    private func startTimer(at instant: ContinuousClock.Instant) {
        eventLoop.execute { [self] in
            // Effects of two threads may arrive in the wrong order: the earliest timer wins.
            if let current = timer.value {
                guard instant < current.at else { return }
                current.task.cancel()
            }
            let delay = TimeAmount(max(.zero, ContinuousClock.now.duration(to: instant)))
            let task = eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in
                timer.value = nil
                scheduler.timePassed()
            }
            timer.value = (instant, task)
        }
    }

    private func stateChanged(
        _ runner: RunnerID, from old: RunnerState, to new: RunnerState, _ reason: OperatorReason?
    ) {
        // Only the operator can fix these; sleeping and waking are normal operation.
        let isProblem = new == .down || new == .lost || new == .wakeFailed
        var metadata: Logger.Metadata = [
            LogKeys.runner: "\(runner)", LogKeys.from: "\(old.rawValue)", LogKeys.to: "\(new.rawValue)",
        ]
        if let reason { metadata[LogKeys.cause] = "\(reason)" }
        logger.log(level: isProblem ? .warning : .info, "Runner state changed", metadata: metadata)
        eventLoop.execute { [self] in
            guard let probe = probes.value[runner] else { return }
            probe.schedule.isUrgent = [.unknown, .waking, .loading].contains(new)
            if probe.schedule.isUrgent { probe.probe() }
        }
        // Calls without a response end now, because TCP may take long to detect an unreachable machine. Not an agent's
        // calls: only its WebSocket is known to be lost.
        let isUnreachable = new == .asleep || new == .lost
        if isUnreachable || new == .down {
            pools.disconnect(runner, endsSilentCalls: isUnreachable && !isAgent(runner))
        }
        if new == .ready { remember() }
        if old == .ready { upstreams[runner]?.endpoints.forget() }
        // Either a call could not connect, and the agent can report the state, or the agent disconnected, and the request
        // has no effect.
        if new == .unknown { agents.requestStatus(of: runner) }
    }

    /// Must be called when state that must survive a restart may have changed.
    func remember() { memory.update() }
}
