public import SimpleAICore

/// The result of an operator's request to wake a machine.
public enum WakeCommandResult: Hashable, Sendable {
    case started(WakeID)
    case inProgress(WakeID)
    case alreadyAwake
    case unknownMachine
    /// The reason why the machine cannot be woken, as a sentence for the operator.
    case impossible(String)
}

/// The result of an operator's request to put a machine to sleep.
public enum SleepCommandResult: Hashable, Sendable {
    /// The command is sent, and the machine counts as asleep. If it fails, the machine counts as ready again.
    case commandSent
    case alreadyAsleep
    case unknownMachine
    /// The reason why the machine cannot be put to sleep, as a sentence for the operator.
    case impossible(String)
}

/// Wakes and puts to sleep machines on an operator's request.
extension SchedulerState {
    /// Starts a wake, even during the backoff after a failed one, or joins the wake in progress. Packets are sent until
    /// the machine is ready or the deadline passes, whether calls wait for it or not.
    public mutating func wakeMachine(_ id: RunnerID, now: ContinuousClock.Instant) -> WakeCommandResult {
        guard let index = index(of: id), !placement[index].isLeaving else { return .unknownMachine }
        let isConnected = records[index].agent?.liveness.isConnected ?? false
        switch placement[index].state {
        case .ready, .checking, .loading: return .alreadyAwake
        case .unknown where isConnected: return .alreadyAwake
        case .down where isConnected:
            return .impossible("it is awake, and its agent reports an unhealthy engine")
        case .lost: return .impossible("it is unreachable, and no wake method is configured")
        case .waking:
            guard let wake = records[index].wake else { return .alreadyAwake }
            records[index].wakes.operatorRequested()
            return .inProgress(wake.id)
        // An unnecessary packet is harmless, and the first evidence that the machine is awake ends the wake.
        case .unknown, .down, .asleep, .wakeFailed: break
        }
        guard configuration.wakeEnabled else { return .impossible("waking is disabled by wake.enabled") }
        guard records[index].runner.canBeWoken else {
            return .impossible(
                "no wake method is configured: set runners[].wake, or let its agent report a MAC address")
        }
        let wake = startWake(ofRunnerAt: index, byOperator: true, now: now)
        // Calls that waited for the next probe of the machine wait for its wake now.
        reconsiderWaiters(now: now)
        return .started(wake)
    }

    /// Puts a machine to sleep if it has no call in progress.
    public mutating func sleepMachine(_ id: RunnerID, now: ContinuousClock.Instant) -> SleepCommandResult {
        guard let index = index(of: id), !placement[index].isLeaving else { return .unknownMachine }
        switch placement[index].state {
        case .asleep, .wakeFailed: return .alreadyAsleep
        case .waking: return .impossible("a wake is in progress")
        case .unknown, .checking, .loading: return .impossible("a check is in progress; retry in a moment")
        case .lost: return .impossible("it is unreachable")
        case .down, .ready: break
        }
        if let obstacle = sleepObstacle(ofRunnerAt: index) {
            return .impossible(Self.sentence(obstacle, hasAgent: records[index].agent != nil))
        }
        putToSleep(index, now: now)
        return .commandSent
    }

    private static func sentence(_ obstacle: SleepObstacle, hasAgent: Bool) -> String {
        switch obstacle {
        case .notReady: "its engine is unhealthy and may not recover after a sleep"
        case .noMethod where hasAgent: "its agent has no power.sleep_command"
        case .noMethod: "no sleep method is configured: set runners[].sleep, or run the agent on it"
        case .cannotBeWoken:
            "it could not be woken again: no wake method is configured, its MAC address is unknown, or wake.enabled is "
                + "false"
        case .calls(let count): "\(count) \(count == 1 ? "call is" : "calls are") in progress"
        case .modelLoad: "a model load is in progress"
        case .trial: "it is on trial after failed calls, and the next call decides"
        }
    }
}
