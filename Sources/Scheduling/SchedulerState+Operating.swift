public import SimpleAICore

/// The result of an operator's request to wake a machine.
public enum OrderedWake: Hashable, Sendable {
    case begun(WakeID)
    case underWay(WakeID)
    case isAwake
    case unknownMachine
    /// The reason why the machine cannot be woken, as a sentence for the operator.
    case impossible(String)
}

/// The result of an operator's request to put a machine to sleep.
public enum OrderedSleep: Hashable, Sendable {
    /// The command is sent, and the machine counts as asleep. If its agent refuses, it counts as ready again.
    case ordered
    case isAsleep
    case unknownMachine
    /// The reason why the machine cannot be put to sleep, as a sentence for the operator.
    case impossible(String)
}

/// Wakes and puts to sleep machines on an operator's request.
extension SchedulerState {
    /// Starts a wake, also during the backoff after a failed one, or joins the wake in progress: packets are sent until
    /// the machine is ready or the deadline passes, whether calls wait for it or not.
    public mutating func wakeMachine(_ id: RunnerID, now: ContinuousClock.Instant) -> OrderedWake {
        guard let index = indexByID[id], !records[index].isLeaving else { return .unknownMachine }
        let isConnected = records[index].agent?.isConnected ?? false
        switch records[index].state {
        case .ready, .checking, .loading: return .isAwake
        case .unknown where isConnected: return .isAwake
        case .down where isConnected:
            return .impossible("it is awake, and its agent reports that its engine does not serve")
        case .lost: return .impossible("it is gone, and no way to wake it is set")
        case .waking:
            guard let wake = records[index].wake else { return .isAwake }
            records[index].wake?.isOrdered = true
            return .underWay(wake.id)
        // An unnecessary packet is harmless, and the first evidence that the machine is awake ends the wake.
        case .unknown, .down, .asleep, .wakeFailed: break
        }
        guard configuration.wakeEnabled else { return .impossible("this gateway wakes no machines (wake.enabled)") }
        guard records[index].runner.canBeWoken else {
            return .impossible(
                "no way to wake it is set: it needs runners[].wake, or an agent that reports a MAC address")
        }
        let wake = startWake(ofRunnerAt: index, isWanted: true, now: now)
        records[index].wake?.isOrdered = true
        return .begun(wake)
    }

    /// Puts a machine to sleep if it has no call in progress.
    public mutating func sleepMachine(_ id: RunnerID, now: ContinuousClock.Instant) -> OrderedSleep {
        guard let index = indexByID[id], !records[index].isLeaving else { return .unknownMachine }
        let record = records[index]
        switch record.state {
        case .asleep, .wakeFailed: return .isAsleep
        case .waking: return .impossible("it is being woken")
        case .unknown, .checking, .loading: return .impossible("it is being looked at; try again in a moment")
        case .lost: return .impossible("it is gone")
        case .down, .ready: break
        }
        guard let agent = record.agent else {
            return .impossible("it was not joined by an agent, and only agents can put their machines to sleep")
        }
        guard record.state == .ready else { return .impossible("its engine does not serve, so it may not come back") }
        guard agent.isSleepable else { return .impossible("its agent has no power.sleep_command") }
        guard configuration.wakeEnabled, record.runner.canBeWoken else {
            return .impossible("it could not be woken again: it has no MAC address, or wake.enabled is off")
        }
        guard record.active == 0 else {
            return .impossible("\(record.active) \(record.active == 1 ? "call runs" : "calls run") on it")
        }
        guard agent.load == nil else { return .impossible("it loads a model") }
        putToSleep(index, now: now)
        return .ordered
    }
}
