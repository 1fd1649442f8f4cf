import Logging
import SimpleAICore

/// Executes the commands that the gateway can send to this machine.
struct AgentCommands: Sendable {
    let roster: EngineRoster
    let counts: CallCounts
    /// Empty: the gateway cannot put this machine to sleep, unless its host environment can.
    let sleepCommand: [String]
    var hostEnvironment = HostEnvironment()
    /// Timeout of the sleep command, not counting suspension. With the time to stop the command, it is shorter than
    /// `LinkState.Times.suspension`.
    var sleepTimeout: Duration = .seconds(8)
    let logger: Logger

    /// Executes a command; for `sleep`, only checks that nothing prevents it: `sleep()` follows.
    /// - Returns: nil if the command succeeded, otherwise the reason for its failure.
    func perform(_ command: LinkState.Command) async -> String? {
        do throws(EngineFault) {
            switch command {
            case .load(let model): try await roster.load(model)
            case .unload(let model): try await roster.unload(model)
            case .sleep: return refusalToSleep()
            }
            return nil
        } catch {
            logger.warning("Gateway command failed", metadata: [LogKeys.cause: "\(error.description)"])
            return error.description
        }
    }

    private func refusalToSleep() -> String? {
        if hostEnvironment.sleep == nil {
            guard let program = sleepCommand.first else { return "power.sleep_command is not set on this machine" }
            guard Program.path(of: program) != nil else {
                return "executable \(program) not found; correct power.sleep_command"
            }
        }
        switch counts.total.active {
        case 0: return nil
        case 1: return "1 call is in progress"
        case let active: return "\(active) calls are in progress"
        }
    }

    /// Puts the machine to sleep, after the gateway was notified and the connection closed.
    /// - Returns: nil if the command succeeded; otherwise why the machine does not fall asleep.
    func sleep() async -> SleepProblem? {
        logger.notice("Sleep started", metadata: [LogKeys.command: "\(sleepCommand.first ?? "")"])
        let problem = await sleepProblem()
        if let problem {
            logger.error("Sleep command failed", metadata: [LogKeys.cause: "\(problem.description)"])
        }
        return problem
    }

    private func sleepProblem() async -> SleepProblem? {
        if let sleep = hostEnvironment.sleep { return await sleep() ? nil : .refused }
        let command = sleepCommand.first ?? ""
        do throws(Program.StartFailure) {
            let clocks = AwakeClocks()
            let (ending, didTimeOut) = try await Program(sleepCommand).run(within: sleepTimeout) { clocks.wasSuspended }
            // The machine was asleep: the result of the command does not matter.
            if clocks.wasSuspended { return nil }
            if didTimeOut { return .timedOut(command: command, sleepTimeout, output: ending.lastOutput) }
            return ending.code == 0 ? nil : .failed(command: command, code: ending.code, output: ending.lastOutput)
        } catch {
            return .notStarted(error.description)
        }
    }
}
