import Relay
import RunnerProtocol

/// A program that runs models on this machine, and what the agent can do with it.
protocol Engine: Sendable {
    /// As the runner protocol names it.
    var type: String { get }
    /// Where its calls go.
    var upstream: Upstream { get }
    /// How it is right now.
    func inspect() async throws(EngineFault) -> EngineStatus
    /// Returns when the model can serve.
    func load(_ model: String) async throws(EngineFault)
    func unload(_ model: String) async throws(EngineFault)
    /// What has to go on for the engine to live; returns at once where that is somebody else's business.
    func run() async
}

extension Engine {
    func load(_ model: String) async throws(EngineFault) {
        throw .unsupported("\(type) decides itself which models it loads")
    }

    func unload(_ model: String) async throws(EngineFault) {
        throw .unsupported("\(type) decides itself which models it unloads")
    }

    func run() async {}

    /// One look by itself: an engine that cannot be asked is not healthy.
    func look() async -> EngineStatus {
        do throws(EngineFault) {
            return try await inspect()
        } catch {
            return EngineStatus(engineType: type, isHealthy: false, error: error.description)
        }
    }
}

/// Why an engine did not do what it was asked to.
enum EngineFault: Error, Hashable, CustomStringConvertible {
    case unreachable(String)
    case timeout
    case answered(Int, String)
    /// Not what this kind of engine answers.
    case nonsense
    case unsupported(String)

    var description: String {
        switch self {
        case .unreachable(let reason): "it cannot be reached: \(reason)"
        case .timeout: "it did not answer in time"
        case .answered(let status, ""): "it answered \(status)"
        case .answered(let status, let words): "it answered \(status): \(words)"
        case .nonsense: "it answered something that this kind of engine does not"
        case .unsupported(let reason): reason
        }
    }
}
