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
    /// The command is sent, and the machine counts as asleep. If its agent refuses, it counts as ready again.
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
        return .started(startWake(ofRunnerAt: index, byOperator: true, now: now))
    }

    /// Puts a machine to sleep if it has no call in progress.
    public mutating func sleepMachine(_ id: RunnerID, now: ContinuousClock.Instant) -> SleepCommandResult {
        guard let index = index(of: id), !placement[index].isLeaving else { return .unknownMachine }
        let (record, occupancy) = (records[index], placement[index])
        switch occupancy.state {
        case .asleep, .wakeFailed: return .alreadyAsleep
        case .waking: return .impossible("a wake is in progress")
        case .unknown, .checking, .loading: return .impossible("a check is in progress; retry in a moment")
        case .lost: return .impossible("it is unreachable")
        case .down, .ready: break
        }
        guard let agent = record.agent else {
            return .impossible("it has no agent, and only agents can put their machines to sleep")
        }
        guard occupancy.state == .ready else {
            return .impossible("its engine is unhealthy and may not recover after a sleep")
        }
        guard agent.sleep.isSleepable else { return .impossible("its agent has no power.sleep_command") }
        guard configuration.wakeEnabled, record.runner.canBeWoken else {
            return .impossible("it could not be woken again: its MAC address is unknown, or wake.enabled is false")
        }
        guard occupancy.active == 0 else {
            return .impossible("\(occupancy.active) \(occupancy.active == 1 ? "call is" : "calls are") in progress")
        }
        guard agent.loads.current == nil else { return .impossible("a model load is in progress") }
        putToSleep(index, now: now)
        return .commandSent
    }
}
