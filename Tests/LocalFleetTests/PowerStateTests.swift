import Testing

@testable import LocalFleet

@Suite struct PowerStateTests {
    @Test func itsOwnPacketBootsASleepingMachineOnce() {
        var state = PowerState(startsAsleep: true)
        #expect(state.packetArrived(isForThisMachine: true) == .boot(1))
        #expect(state.packetArrived(isForThisMachine: true) == .nothing)
        #expect(state.status.phase == .booting)
        #expect(state.bootTimeElapsed(1) == .startServing)
        state.servingStarted()
        #expect(state.status.phase == .awake)
        #expect(state.status.wakes == 1)
        #expect(state.packetArrived(isForThisMachine: true) == .nothing)
        #expect(state.status.packetsForThisMachine == 3)
    }

    @Test func packetsForOtherMachinesAreOnlyCounted() {
        var state = PowerState(startsAsleep: true)
        #expect(state.packetArrived(isForThisMachine: false) == .nothing)
        #expect(state.status.phase == .asleep)
        #expect(state.status.packetsSeen == 1)
        #expect(state.status.packetsForThisMachine == 0)
    }

    @Test func withoutPowerNothingWakes() {
        var state = PowerState(startsAsleep: true, faults: .with { $0.isPowerCut = true })
        #expect(state.packetArrived(isForThisMachine: true) == .nothing)
        #expect(state.status.phase == .asleep)
        #expect(state.status.packetsForThisMachine == 1)
    }

    @Test func aBootThatSleepInterruptsDoesNotFinish() {
        var state = PowerState(startsAsleep: true)
        _ = state.packetArrived(isForThisMachine: true)
        #expect(state.sleepRequested() == .nothing)
        #expect(state.status.phase == .asleep)
        #expect(state.bootTimeElapsed(1) == .nothing)
        #expect(state.packetArrived(isForThisMachine: true) == .boot(2))
        // The first boot's timer may still be pending.
        #expect(state.bootTimeElapsed(1) == .nothing)
        #expect(state.bootTimeElapsed(2) == .startServing)
    }

    @Test func onlyAnAwakeMachineStopsServing() {
        var state = PowerState(startsAsleep: false)
        #expect(state.sleepRequested() == .stopServing)
        #expect(state.status.phase == .awake)
        state.servingStopped()
        #expect(state.status.phase == .asleep)
        #expect(state.sleepRequested() == .nothing)
    }

    @Test func packetsGetLostAfterEachSleep() {
        var state = PowerState(startsAsleep: true, faults: .with { $0.lostPackets = 2 })
        for round in 1...2 {
            #expect(state.packetArrived(isForThisMachine: true) == .nothing)
            // Packets for other machines do not count as lost.
            #expect(state.packetArrived(isForThisMachine: false) == .nothing)
            #expect(state.packetArrived(isForThisMachine: true) == .nothing)
            #expect(state.packetArrived(isForThisMachine: true) == .boot(round))
            #expect(state.bootTimeElapsed(round) == .startServing)
            state.servingStarted()
            #expect(state.sleepRequested() == .stopServing)
            state.servingStopped()
        }
    }

    @Test func aMachineMayHangInItsBoot() {
        var state = PowerState(startsAsleep: true, faults: .with { $0.neverBoots = true })
        #expect(state.packetArrived(isForThisMachine: true) == .nothing)
        #expect(state.status.phase == .booting)
        #expect(state.packetArrived(isForThisMachine: true) == .nothing)
        #expect(state.sleepRequested() == .nothing)
        #expect(state.status.phase == .asleep)
    }
}

extension SimulatedPowerFaults {
    fileprivate static func with(_ change: (inout SimulatedPowerFaults) -> Void) -> SimulatedPowerFaults {
        var faults = SimulatedPowerFaults()
        change(&faults)
        return faults
    }
}
