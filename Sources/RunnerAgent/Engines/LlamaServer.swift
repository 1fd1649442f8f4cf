import Logging
import OperatingSystem
import Relay
import RunnerProtocol
import SimpleAICore

/// llama.cpp's server: inspected through its own API and, if the settings contain a command, started and supervised.
struct LlamaServer: Engine {
    let type = "llama-server"
    let upstream: Upstream
    let control: EngineControl
    /// From the settings; nil uses the number that the server reports.
    let slots: Int?
    /// Empty if the agent does not manage the server.
    let command: [String]
    let logger: Logger
    let discovery = EndpointDiscovery()
    var backoff = Backoff(first: .seconds(1), limit: .seconds(60))

    /// Run time after which an exit does not count as a failed start.
    private static let minHealthyRun: Duration = .seconds(60)
    /// Interval between checks of a server that the agent did not start; the agent starts its own once that one stops.
    private static let foreignServerInterval: Duration = .seconds(2)

    /// It serves some of Ollama's paths as well, but with OpenAI's responses.
    private static let possibleEndpoints = Endpoint.allCases.filter { $0.dialect != .ollama }

    func inspect() async throws(EngineFault) -> EngineStatus {
        do throws(EngineFault) {
            return try await inspectNow()
        } catch {
            discovery.forget()
            throw error
        }
    }

    private func inspectNow() async throws(EngineFault) -> EngineStatus {
        // Returns 503 while the server loads its model.
        _ = try await control.get("/health", as: Health.self)
        let list = try await control.get("/v1/models", as: OpenAIModelList.self)
        let properties = try? await control.get("/props", as: Properties.self)
        let states = try? await control.get("/slots", as: [Slot].self)
        let context = properties?.defaults?.context
        let endpoints = await discovery.endpoints(for: [properties?.build ?? ""] + list.data.entries.map(\.id)) {
            await EndpointDiscovery.byEmptyRequests(of: Self.possibleEndpoints, to: control)
        }
        // The server's arguments decide what its model does: its lists state `completion` for every model.
        let capabilities = endpoints.map { endpoints in
            Set(endpoints.endpoints.map(\.capability)).union(properties?.seesImages ?? false ? [.vision] : [])
        }
        let models = list.data.entries.map { entry in
            var model = entry.model
            model.contextLength = context ?? model.contextLength
            model.state(capabilities ?? [])
            return model
        }
        let reportedSlots = properties?.slots ?? states?.count
        return EngineStatus(
            engineType: type, isHealthy: true, version: properties?.build, loadedModels: list.data.entries.map(\.id),
            availableModels: models, batchSize: slots ?? reportedSlots ?? 1,
            slots: slots ?? reportedSlots, active: states?.count { $0.isProcessing }, endpoints: endpoints?.endpoints)
    }

    /// Keeps the server running until the task is cancelled.
    func run() async {
        guard !command.isEmpty else { return }
        var failures = 0
        while !Task.isCancelled {
            if await isServedAlready() {
                // An agent that was killed could not stop its server, which still occupies the port: it is used
                // instead of a new one.
                try? await Task.sleep(for: Self.foreignServerInterval)
                continue
            }
            let start = ContinuousClock.now
            let end = await runOnce()
            guard !Task.isCancelled else { return }
            if ContinuousClock.now - start > Self.minHealthyRun { failures = 0 }
            failures += 1
            let delay = backoff.delay(failures: failures, chance: .random(in: 0...1))
            logger.warning(
                "Engine restart scheduled",
                metadata: [
                    LogKeys.engine: "\(type)", LogKeys.address: "\(control.url)", LogKeys.cause: "\(end.reason)",
                    LogKeys.output: "\(end.lastOutput)",
                    LogKeys.retryDelay: "\(Int(delay / .milliseconds(1)))",
                ])
            try? await Task.sleep(for: delay)
        }
    }

    private func isServedAlready() async -> Bool {
        do throws(EngineFault) {
            _ = try await control.get("/health", as: Health.self)
            return true
        } catch .errorStatus {
            return true
        } catch {
            return false
        }
    }

    private func runOnce() async -> (reason: String, lastOutput: String) {
        do throws(Program.StartFailure) {
            var program = try Program(command)
            // Processes left by a stopped server would occupy its port or its graphics card.
            program.background = .killed
            let ending = try await program.run { pid in
                logger.info(
                    "Engine started",
                    metadata: [
                        LogKeys.engine: "\(type)", LogKeys.address: "\(control.url)", LogKeys.command: "\(command[0])",
                        LogKeys.pid: "\(pid)",
                    ])
            }
            let reason = ending.code < 0 ? "signal \(-ending.code)" : "exit code \(ending.code)"
            return (reason, ending.lastOutput)
        } catch {
            return (error.description, "")
        }
    }

    // MARK: API documents

    private struct Health: Decodable {}

    private struct Properties: Decodable {
        struct Defaults: Decodable {
            var context: Int?
            enum CodingKeys: String, CodingKey { case context = "n_ctx" }
        }
        var slots: Int?
        var build: String?
        var defaults: Defaults?
        private var modalities: JSONValue?

        var seesImages: Bool { modalities?.object?["vision"] == .bool(true) }

        enum CodingKeys: String, CodingKey {
            case modalities
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
