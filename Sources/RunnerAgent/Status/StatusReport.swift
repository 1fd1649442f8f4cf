import RunnerProtocol
import Settings
import SimpleAICore
import Synchronization

/// What the gateway is told of this machine.
final class StatusReport: Sendable {
    private let roster: EngineRoster
    private let counts: CallCounts
    private let aliases: [ModelID: EngineModelID]
    private let power: PowerStatus
    private let machine = MachineFigures()
    private let isDraining = Mutex(false)
    private let sleepProblem = Mutex<SleepProblem?>(nil)
    /// Given, and not to be asked for.
    private let givenGraphics: GraphicsMemory?
    private let graphics: Mutex<GraphicsMemory?>

    private static let graphicsInterval: Duration = .seconds(10)
    private static let graphicsPatience: Duration = .seconds(5)

    init(
        roster: EngineRoster, counts: CallCounts, settings: RunnerSettings, surroundings: Surroundings = .init()
    ) {
        self.roster = roster
        self.counts = counts
        aliases = settings.aliases.mapValues { EngineModelID($0) }
        power = PowerStatus(
            watts: settings.power.watts > 0 ? Double(settings.power.watts) : nil,
            sleepable: !settings.power.sleepCommand.isEmpty || surroundings.sleep != nil)
        givenGraphics = surroundings.graphicsMemory.map { GraphicsMemory(used: 0, total: $0.bytes) }
        graphics = Mutex(givenGraphics)
    }

    /// From now on the gateway is told to send no calls.
    func drain() { isDraining.withLock { $0 = true } }

    /// Why the machine did not fall asleep after the last command to; nil when a new one comes.
    func noteSleepProblem(_ problem: SleepProblem?) { sleepProblem.withLock { $0 = problem } }

    var hasSleepProblem: Bool { sleepProblem.withLock { $0 != nil } }

    /// Keeps what takes a while to find out, until it is cancelled.
    /// - Parameter changed: called when the machine has another graphics card than before, or none any more.
    func run(_ changed: () -> Void) async {
        guard asksForGraphics else { return }
        while !Task.isCancelled {
            if await look(within: Self.graphicsPatience) { changed() }
            try? await Task.sleep(for: Self.graphicsInterval)
        }
    }

    /// Asks for the memory of the graphics card, where there is a tool that knows.
    /// - Parameter patience: a tool that takes longer has said nothing.
    /// - Returns: whether the card is another than before.
    @discardableResult
    func look(within patience: Duration) async -> Bool {
        guard asksForGraphics else { return false }
        let now = await GraphicsMemory.now(within: patience)
        return graphics.withLock { graphics in
            defer { graphics = now }
            return graphics?.total != now?.total
        }
    }

    private var asksForGraphics: Bool { givenGraphics == nil && Program.path(of: "nvidia-smi") != nil }

    /// - Parameter agreed: the extensions that the gateway knows, too; nothing of others is told.
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
        let well = engines.count { $0.isHealthy }
        if well == 0 { return roster.hasEverServed && !roster.isLoading ? .unhealthy : .starting }
        return well < roster.engines.count ? .degraded : .healthy
    }

    /// One for each model that is in memory.
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
        var told = status
        guard agreed.contains(.slots) else {
            told.slots = nil
            told.active = nil
            return told
        }
        told.slots = status.slots ?? status.batchSize
        // An engine that does not say counts what we have sent it.
        let ours = Set(status.loadedModels.map { ExactString($0) }).reduce(0) {
            $0 + counts.figures(of: $1.rawValue).active
        }
        told.active = max(status.active ?? 0, ours)
        return told
    }
}
