import Relay
import RunnerProtocol

/// A program that runs models on this machine, and the operations that the agent can perform on it.
protocol Engine: Sendable {
    /// The kind of engine, by its name in the runner protocol.
    var type: String { get }
    /// The destination of its calls.
    var upstream: Upstream { get }
    /// Queries the engine's current status.
    func inspect() async throws(EngineFault) -> EngineStatus
    /// Loads a model; returns when it can serve.
    func load(_ model: String) async throws(EngineFault)
    func unload(_ model: String) async throws(EngineFault)
    /// Keeps the engine running; returns immediately if the agent does not manage it.
    func run() async
}

extension Engine {
    func load(_ model: String) async throws(EngineFault) {
        throw .unsupported("\(type) does not support loading models on request")
    }

    func unload(_ model: String) async throws(EngineFault) {
        throw .unsupported("\(type) does not support unloading models on request")
    }

    func run() async {}

    /// The status from one inspection: an engine that cannot be queried is unhealthy.
    func refreshStatus() async -> EngineStatus {
        do throws(EngineFault) {
            return try await inspect()
        } catch {
            return EngineStatus(engineType: type, isHealthy: false, error: error.description)
        }
    }
}

/// Why an engine did not perform a request.
enum EngineFault: Error, Hashable, CustomStringConvertible {
    case unreachable(String)
    case timeout
    case errorStatus(Int, String)
    /// The response does not have the format of this kind of engine.
    case unexpectedResponse
    case unsupported(String)

    /// Whether no connection could be established.
    var isUnreachable: Bool { if case .unreachable = self { true } else { false } }

    var description: String {
        switch self {
        case .unreachable(let reason): "it cannot be reached: \(reason)"
        case .timeout: "it did not respond in time"
        case .errorStatus(let status, ""): "it returned status \(status)"
        case .errorStatus(let status, let message): "it returned status \(status): \(message)"
        case .unexpectedResponse: "it sent a response that this kind of engine never sends"
        case .unsupported(let reason): reason
        }
    }
}
