import RunnerProtocol
import Settings
import SimpleAICore
import Synchronization

/// The status of this machine that the agent sends to the gateway.
final class StatusReport: Sendable {
    private let roster: EngineRoster
    private let counts: CallCounts
    private let aliases: [ModelID: EngineModelID]
    private let power: PowerStatus
    private let machine = MachineMetrics()
    private let isDraining = Mutex(false)
    private let sleepProblem = Mutex<SleepProblem?>(nil)
    /// The graphics memory that the host environment states; nil if it has to be queried.
    private let givenGraphics: GraphicsMemory?
    private let graphics: Mutex<GraphicsMemory?>

    private static let graphicsInterval: Duration = .seconds(10)
    private static let graphicsTimeout: Duration = .seconds(5)

    init(
        roster: EngineRoster, counts: CallCounts, settings: RunnerSettings, hostEnvironment: HostEnvironment = .init()
    ) {
        self.roster = roster
        self.counts = counts
        aliases = settings.aliases.mapValues { EngineModelID($0) }
        power = PowerStatus(
            watts: settings.power.watts > 0 ? Double(settings.power.watts) : nil,
            sleepable: !settings.power.sleepCommand.isEmpty || hostEnvironment.sleep != nil)
        givenGraphics = hostEnvironment.graphicsMemory.map { GraphicsMemory(used: 0, total: $0.bytes) }
        graphics = Mutex(givenGraphics)
    }

    /// Makes all later reports state that the agent is shutting down, so that the gateway sends no more calls.
    func drain() { isDraining.withLock { $0 = true } }

    /// Records why the machine did not fall asleep after the last sleep command; nil once a new command is received.
    func noteSleepProblem(_ problem: SleepProblem?) { sleepProblem.withLock { $0 = problem } }

    var hasSleepProblem: Bool { sleepProblem.withLock { $0 != nil } }

    /// Updates slow measurements until the task is cancelled.
    /// - Parameter changed: called when the graphics card has changed or is missing.
    func run(_ changed: () -> Void) async {
        guard queriesGraphics else { return }
        while !Task.isCancelled {
            if await refreshStatus(within: Self.graphicsTimeout) { changed() }
            try? await Task.sleep(for: Self.graphicsInterval)
        }
    }

    /// Queries the memory of the graphics card, if a tool for it is installed.
    /// - Parameter timeout: timeout of the tool, after which there is no result.
    /// - Returns: whether the card's total memory has changed.
    @discardableResult
    func refreshStatus(within timeout: Duration) async -> Bool {
        guard queriesGraphics else { return false }
        let now = await GraphicsMemory.now(within: timeout)
        return graphics.withLock { graphics in
            defer { graphics = now }
            return graphics?.total != now?.total
        }
    }

    private var queriesGraphics: Bool { givenGraphics == nil && Program.path(of: "nvidia-smi") != nil }

    /// - Parameter agreed: the extensions that the gateway supports; fields of others are left out.
    func status(agreed: Set<ProtocolExtension>) -> RunnerStatus {
        let graphics = graphics.withLock { $0 }
        let total = counts.total
        let metrics = RunnerMetrics(
            requestsProcessed: total.processed,
            averageLatencyMilliseconds: total.averageLatency.map { $0 / .milliseconds(1) },
            gpuMemoryUsed: graphics?.used, gpuMemoryTotal: graphics?.total,
            cpuUsagePercent: machine.processorPercent(), memoryUsed: machine.memoryUsed())
        let statuses = roster.statuses
        return RunnerStatus(
            health: health(of: statuses), capabilities: capabilities(of: statuses),
            engines: statuses.map { engine($0, agreed) }, metrics: metrics, modelAliases: aliases,
            power: agreed.contains(.power) ? currentPower : nil)
    }

    private var currentPower: PowerStatus {
        var power = power
        power.sleepProblem = sleepProblem.withLock { $0 }?.description
        return power
    }

    private func health(of engines: [EngineStatus]) -> RunnerStatus.Health {
        if isDraining.withLock({ $0 }) { return .shuttingDown }
        let healthyCount = engines.count { $0.isHealthy }
        if healthyCount == 0 { return roster.hasEverServed && !roster.isLoading ? .unhealthy : .starting }
        return healthyCount < roster.engines.count ? .degraded : .healthy
    }

    /// One for each model in memory.
    private func capabilities(of engines: [EngineStatus]) -> [RunnerCapability] {
        engines.filter(\.isHealthy).flatMap(\.loadedModels).map { model in
            let figures = counts.figures(of: model)
            return RunnerCapability(
                capability: "inference", status: figures.active > 0 ? "busy" : "ready", modelID: model,
                activeRequests: figures.active,
                averageLatencyMilliseconds: figures.averageLatency.map { $0 / .milliseconds(1) })
        }
    }

    private func engine(_ status: EngineStatus, _ agreed: Set<ProtocolExtension>) -> EngineStatus {
        var reported = status
        guard agreed.contains(.slots) else {
            reported.slots = nil
            reported.active = nil
            return reported
        }
        reported.slots = status.slots ?? status.batchSize
        // For an engine that does not report its active calls, the agent's own calls to it are counted.
        let ours = Set(status.loadedModels.map { ExactString($0) }).reduce(0) {
            $0 + counts.figures(of: $1.rawValue).active
        }
        reported.active = max(status.active ?? 0, ours)
        return reported
    }
}
