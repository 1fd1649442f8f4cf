import Scheduling
import SimpleAICore

/// The way from the scheduler's effects to connected agents; safe on any event loop.
protocol AgentCommands: Sendable {
    /// Sends a command. Its result, and the failure of one that cannot be sent, is passed to
    /// `Scheduler.commandCompleted`.
    func send(_ command: AgentCommand, to id: RunnerID, _ request: CommandID)

    /// Requests a status report now, because evidence has contradicted the last one; no effect for other runners.
    func requestStatus(of id: RunnerID)
}

/// Commands for an agent.
enum AgentCommand: Hashable, Sendable {
    case loadModel(String)
    case unloadModel(String)
    /// Only for agents that list the extension.
    case sleep
}
