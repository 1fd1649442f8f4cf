import Settings
import SimpleAICore
import Synchronization

/// What is known of machines beside their runners: how each can be woken, and who the agents are, so that they can be
/// woken after a restart.
final class MachineDirectory: Sendable {
    /// An agent's machine, as it registered.
    struct AgentMachine: Hashable, Codable {
        var name: String
        var machineType: String
        /// As it registered; nil for a machine that cannot be woken.
        var mac: String?
        /// Public ids to the engines' own.
        var aliases: [String: String] = [:]
    }

    private struct Known {
        var agents: [RunnerID: AgentMachine] = [:]
    }

    private let known: Mutex<Known>

    init(_ settings: Settings) {
        self.known = Mutex(Known())
    }

    var agents: [RunnerID: AgentMachine] { known.withLock { $0.agents } }

    /// An agent has registered, or is known from before a restart.
    func put(_ machine: AgentMachine, of runner: RunnerID) {
        known.withLock { $0.agents[runner] = machine }
    }

    func remove(_ runner: RunnerID) {
        known.withLock { _ = $0.agents.removeValue(forKey: runner) }
    }
}
