import Logging
import OperatingSystem
import Relay
import RunnerProtocol

/// llama.cpp's server: looked at by its own paths, and, where settings have a command, started and watched.
struct LlamaServer: Engine {
    let type = "llama-server"
    let upstream: Upstream
    let control: EngineControl
    /// As settings say; else as the server does.
    let slots: Int?
    /// Empty: somebody else runs it.
    let command: [String]
    let logger: Logger
    var backoff = Backoff(first: .seconds(1), limit: .seconds(60))

    /// A server that has run for so long did not fail at its start.
    private static let goodRun: Duration = .seconds(60)
    /// How often a server that is not ours is looked at, to take its place when it is gone.
    private static let strangerCheck: Duration = .seconds(2)

    func inspect() async throws(EngineFault) -> EngineStatus {
        // 503 while it loads its model.
        _ = try await control.get("/health", as: Health.self)
        let list = try await control.get("/v1/models", as: OpenAIModelList.self)
        let properties = try? await control.get("/props", as: Properties.self)
        let states = try? await control.get("/slots", as: [Slot].self)
        let context = properties?.defaults?.context
        let models = list.data.entries.map { entry in
            var model = entry.model
            model.contextLength = context ?? model.contextLength
            return model
        }
        let told = properties?.slots ?? states?.count
        return EngineStatus(
            engineType: type, isHealthy: true, version: properties?.build, loadedModels: list.data.entries.map(\.id),
            availableModels: models, batchSize: slots ?? told ?? 1, slots: slots ?? told,
            active: states?.count { $0.isProcessing })
    }

    /// Keeps the server running until it is cancelled.
    func run() async {
        guard !command.isEmpty else { return }
        var failures = 0
        while !Task.isCancelled {
            if await isServedAlready() {
                // After an end of the agent that left the server no time to end, it is still there: better used than
                // stumbled over.
                try? await Task.sleep(for: Self.strangerCheck)
                continue
            }
            let start = ContinuousClock.now
            let end = await runOnce()
            guard !Task.isCancelled else { return }
            if ContinuousClock.now - start > Self.goodRun { failures = 0 }
            failures += 1
            let delay = backoff.delay(failures: failures, chance: .random(in: 0...1))
            logger.warning(
                "An engine ended and will be started again",
                metadata: [
                    LogKeys.engine: "\(type)", LogKeys.address: "\(control.url)", LogKeys.cause: "\(end.reason)",
                    LogKeys.lastWords: "\(end.lastWords)",
                    LogKeys.milliseconds: "\(Int(delay / .milliseconds(1)))",
                ])
            try? await Task.sleep(for: delay)
        }
    }

    private func isServedAlready() async -> Bool {
        do throws(EngineFault) {
            _ = try await control.get("/health", as: Health.self)
            return true
        } catch .answered {
            return true
        } catch {
            return false
        }
    }

    private func runOnce() async -> (reason: String, lastWords: String) {
        do throws(Program.StartFailure) {
            var program = try Program(command)
            // What a server that has ended leaves behind would hold its port or its card.
            program.background = .killed
            let ending = try await program.run { pid in
                logger.info(
                    "Engine started",
                    metadata: [
                        LogKeys.engine: "\(type)", LogKeys.address: "\(control.url)", LogKeys.command: "\(command[0])",
                        LogKeys.process: "\(pid)",
                    ])
            }
            let reason = ending.code < 0 ? "signal \(-ending.code)" : "exit code \(ending.code)"
            return (reason, ending.lastWords)
        } catch {
            return (error.description, "")
        }
    }

    // MARK: Its documents

    private struct Health: Decodable {}

    private struct Properties: Decodable {
        struct Defaults: Decodable {
            var context: Int?
            enum CodingKeys: String, CodingKey { case context = "n_ctx" }
        }
        var slots: Int?
        var build: String?
        var defaults: Defaults?

        enum CodingKeys: String, CodingKey {
            case slots = "total_slots"
            case build = "build_info"
            case defaults = "default_generation_settings"
        }
    }

    private struct Slot: Decodable {
        let isProcessing: Bool
        enum CodingKeys: String, CodingKey { case isProcessing = "is_processing" }
    }
}
