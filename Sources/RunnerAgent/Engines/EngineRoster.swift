import Logging
import Relay
import RunnerProtocol
import Settings
import SimpleAICore
import Synchronization

/// All engines of this machine with their latest status, and the models that each has.
final class EngineRoster: Sendable {
    private struct EngineWatches {
        var watches: [EngineWatch]
        var hasEverServed = false

        func status(_ index: Int) -> EngineStatus? { watches[index].status }
    }

    let engines: [any Engine]
    private let seen: Mutex<EngineWatches>
    private let counts: CallCounts
    private let logger: Logger
    /// Yields when a change must be reported to the gateway.
    let changes: AsyncStream<Void>
    private let change: AsyncStream<Void>.Continuation

    private static let healthyInterval: Duration = .seconds(5)
    /// The interval while an engine does not respond, because it may recover at any time.
    private static let unhealthyInterval: Duration = .milliseconds(500)

    init(_ engines: [any Engine], counts: CallCounts = CallCounts(), logger: Logger) {
        self.engines = engines
        self.counts = counts
        self.logger = logger
        seen = Mutex(EngineWatches(watches: engines.map { _ in EngineWatch() }))
        (changes, change) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// In the order of the settings; engines that were never inspected are left out.
    var statuses: [EngineStatus] { seen.withLock { $0.watches.compactMap(\.status) } }

    /// Whether any engine has ever been healthy.
    var hasEverServed: Bool { seen.withLock { $0.hasEverServed } }

    /// Whether an engine reports that it is not ready yet.
    var isLoading: Bool { seen.withLock { $0.watches.contains(where: \.isLoading) } }

    /// The upstream for a model: the engine that has it in memory, otherwise one that can load it.
    func upstream(for model: String) -> Upstream? {
        seen.withLock { seen in
            let loaded = engines.indices.first {
                seen.status($0)?.loadedModels.contains(where: model.isExactly) ?? false
            }
            return loaded ?? Self.index(ofAvailable: model, in: seen)
        }.map { engines[$0].upstream }
    }

    /// All models that a call can name, in the order of engines.
    var models: [String] {
        var known: Set<ExactString> = []
        return statuses.flatMap { $0.loadedModels + $0.availableModels.map(\.id) }
            .filter { known.insert(ExactString($0)).inserted }
    }

    /// Starts the engines that have a `command`, and keeps them running until the task is cancelled.
    func runEngines() async {
        await withDiscardingTaskGroup { group in
            for engine in engines { group.addTask { await engine.run() } }
        }
    }

    /// Inspects all engines periodically until the task is cancelled.
    func watch() async {
        while !Task.isCancelled {
            await refreshStatus()
            let areAllHealthy = seen.withLock { $0.watches.allSatisfy { $0.status?.isHealthy ?? false } }
            try? await Task.sleep(for: areAllHealthy ? Self.healthyInterval : Self.unhealthyInterval)
        }
    }

    /// Inspects all engines concurrently.
    func refreshStatus() async {
        let results = await withTaskGroup(of: (Int, Result<EngineStatus, EngineFault>).self) { group in
            for (index, engine) in engines.enumerated() {
                group.addTask { (index, await Self.refreshStatus(at: engine)) }
            }
            return await group.reduce(into: [Int: Result<EngineStatus, EngineFault>]()) { $0[$1.0] = $1.1 }
        }
        guard !Task.isCancelled else { return }
        var differs = false
        for (index, result) in results.sorted(by: { $0.key < $1.key }) {
            let (before, status) = seen.withLock { seen in
                let before = seen.watches[index].status
                seen.watches[index].inspected(
                    result, type: engines[index].type, callCount: callCount(of: before?.loadedModels ?? []))
                let status = seen.watches[index].status
                if status?.isHealthy ?? false { seen.hasEverServed = true }
                return (before, status)
            }
            guard let status else { continue }
            guard !status.isLike(before) else { continue }
            differs = true
            logChange(status, before, of: engines[index])
        }
        if differs { change.yield() }
    }

    private static func refreshStatus(at engine: any Engine) async -> Result<EngineStatus, EngineFault> {
        do throws(EngineFault) {
            var status = try await engine.inspect()
            status.omitUnusableModels()
            return .success(status)
        } catch {
            return .failure(error)
        }
    }

    private func callCount(of models: [String]) -> Int {
        Set(models).reduce(0) { $0 + counts.figures(of: $1).active }
    }

    // MARK: Commands

    func load(_ model: String) async throws(EngineFault) {
        let engine = try engine(of: model)
        logger.info("Model load started", metadata: [LogKeys.model: "\(model)", LogKeys.engine: "\(engine.type)"])
        try await engine.load(model)
        await refreshStatus()
    }

    func unload(_ model: String) async throws(EngineFault) {
        let engine = try engine(of: model)
        logger.info("Model unload started", metadata: [LogKeys.model: "\(model)", LogKeys.engine: "\(engine.type)"])
        try await engine.unload(model)
        await refreshStatus()
    }

    private func engine(of model: String) throws(EngineFault) -> any Engine {
        guard let index = seen.withLock({ Self.index(ofAvailable: model, in: $0) }) else {
            throw .unsupported("no engine on this machine has this model")
        }
        return engines[index]
    }

    private static func index(ofAvailable model: String, in seen: EngineWatches) -> Int? {
        seen.watches.indices.first { index in
            seen.status(index)?.availableModels.contains { $0.id.isExactly(model) } ?? false
        }
    }

    private func logChange(_ status: EngineStatus, _ before: EngineStatus?, of engine: any Engine) {
        var metadata: Logger.Metadata = [
            LogKeys.engine: "\(engine.type)", LogKeys.address: "\(engine.upstream.authority)",
        ]
        if let cause = status.error { metadata[LogKeys.cause] = "\(cause)" }
        switch (before?.isHealthy, status.isHealthy) {
        case (true, false), (nil, false): logger.warning("Engine unhealthy", metadata: metadata)
        case (false, true), (nil, true): logger.info("Engine healthy", metadata: metadata)
        default: logger.debug("Engine models changed", metadata: metadata)
        }
        let omitted = status.omitted
        guard omitted.count > 0, omitted != before?.omitted else { return }
        metadata[LogKeys.cause] = "\(omitted.reason ?? "")"
        metadata[LogKeys.count] = "\(omitted.count)"
        logger.warning("Model names skipped", metadata: metadata)
    }
}

extension EngineStatus {
    /// Whether the statuses are equal, apart from the number of active calls.
    fileprivate func isLike(_ other: EngineStatus?) -> Bool {
        guard var other else { return false }
        other.active = active
        return self == other
    }
}

extension EngineRoster {
    /// The engines in the settings.
    convenience init(
        _ settings: RunnerSettings, counts: CallCounts = CallCounts(), logger: Logger
    ) throws(RunnerAgentStartError) {
        var engines: [any Engine] = []
        for engine in settings.engines { engines.append(try Self.engine(engine, of: settings.id, logger: logger)) }
        self.init(engines, counts: counts, logger: logger)
    }

    private static func engine(
        _ engine: RunnerSettings.Engine, of runner: RunnerID, logger: Logger
    ) throws(RunnerAgentStartError) -> any Engine {
        let upstream = try Upstream(engine, runner: runner)
        let control = EngineControl(url: engine.url, apiKey: engine.apiKey)
        switch engine.kind {
        case .openAI: return OpenAICompatible(upstream: upstream, control: control, slots: engine.slots)
        case .ollama: return Ollama(upstream: upstream, control: control, slots: engine.slots)
        case .llamaServer:
            return LlamaServer(
                upstream: upstream, control: control, slots: engine.slots, command: engine.command, logger: logger)
        }
    }
}
