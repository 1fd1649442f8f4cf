/// Whether a virtual machine is on, and what its power switch has counted. A state machine without clock and sockets.
struct PowerState: Hashable, Sendable {
    enum Action: Hashable, Sendable {
        case nothing
        /// `bootTimeElapsed` must be called with this number after the boot time.
        case boot(Int)
        case startServing
        case stopServing
    }

    private(set) var status: MachineStatus
    private let faults: SimulatedPowerFaults
    private var lostPackets = 0
    private var boots = 0

    init(startsAsleep: Bool, faults: SimulatedPowerFaults = .init()) {
        status = MachineStatus(phase: startsAsleep ? .asleep : .awake)
        self.faults = faults
    }

    mutating func packetArrived(isForThisMachine: Bool) -> Action {
        status.packetsSeen += 1
        guard isForThisMachine else { return .nothing }
        status.packetsForThisMachine += 1
        guard status.phase == .asleep, !faults.isPowerCut else { return .nothing }
        guard lostPackets >= faults.lostPackets else {
            lostPackets += 1
            return .nothing
        }
        boots += 1
        status.phase = .booting
        return faults.neverBoots ? .nothing : .boot(boots)
    }

    mutating func bootTimeElapsed(_ boot: Int) -> Action {
        // A machine that was put to sleep while booting does not finish that boot.
        guard status.phase == .booting, boot == boots else { return .nothing }
        return .startServing
    }

    mutating func servingStarted() {
        status.phase = .awake
        status.wakes += 1
    }

    mutating func sleepRequested() -> Action {
        switch status.phase {
        case .asleep:
            return .nothing
        case .booting:
            servingStopped()
            return .nothing
        case .awake:
            return .stopServing
        }
    }

    mutating func servingStopped() {
        status.phase = .asleep
        lostPackets = 0
    }
}

/// A snapshot of a virtual machine's state.
public struct MachineStatus: Hashable, Sendable {
    public enum Phase: String, Hashable, Sendable {
        case asleep, booting, awake
    }

    public internal(set) var phase: Phase
    /// Number of magic packets for any machine that the switch received.
    public internal(set) var packetsSeen = 0
    /// Number of magic packets for this machine.
    public internal(set) var packetsForThisMachine = 0
    /// Number of times that the machine woke.
    public internal(set) var wakes = 0

    init(phase: Phase) {
        self.phase = phase
    }
}
