import Logging

/// What the gateway may tell this machine to do, and how it is done.
struct Orders: Sendable {
    let roster: EngineRoster
    let counts: CallCounts
    /// Empty: nobody may put this machine to sleep, unless its surroundings can.
    let sleepCommand: [String]
    var surroundings = Surroundings()
    let logger: Logger

    /// - Returns: nil when it is done, or why it is not.
    func perform(_ order: LinkState.Order) async -> String? {
        do throws(EngineFault) {
            switch order {
            case .load(let model): try await roster.load(model)
            case .unload(let model): try await roster.unload(model)
            case .sleep: return refusalToSleep()
            }
            return nil
        } catch {
            logger.warning("An order of the gateway failed", metadata: [LogKeys.cause: "\(error)"])
            return error.description
        }
    }

    private func refusalToSleep() -> String? {
        if sleepCommand.isEmpty, surroundings.sleep == nil { return "no power.sleep_command is set on this machine" }
        let active = counts.total.active
        return active > 0 ? "\(active) calls are running" : nil
    }

    /// Puts the machine to sleep. The gateway has been told, and the connection is gone.
    /// - Returns: whether the command believes that it worked.
    func sleep() async -> Bool {
        logger.notice("Going to sleep", metadata: [LogKeys.command: "\(sleepCommand.first ?? "")"])
        if let sleep = surroundings.sleep { return await sleep() }
        do throws(Program.StartFailure) {
            let ending = try await Program(sleepCommand).run()
            guard ending.code != 0 else { return true }
            logger.error(
                "The sleep command failed",
                metadata: [LogKeys.status: "\(ending.code)", LogKeys.lastWords: "\(ending.lastWords)"])
        } catch {
            logger.error("The sleep command failed", metadata: [LogKeys.cause: "\(error)"])
        }
        return false
    }
}
