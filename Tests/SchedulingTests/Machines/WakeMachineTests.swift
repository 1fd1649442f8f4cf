import SimpleAICore
import Testing

@testable import Scheduling

/// Each event of a machine's wake in each state: idle, in progress, backing off.
@Suite struct WakeMachineTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }

    /// Packets after 0, 10, 20, … seconds; a wake fails after 60 seconds, or after two attempts that could not be sent.
    private let rules = WakeMachine.Rules(
        timeout: .seconds(60), backOff: .seconds(30), maxFailedAttempts: 2, packetOffset: { .seconds(10) * $0 })

    private func waking(byOperator: Bool = false, wasObserved: Bool = true) -> WakeMachine {
        var machine = WakeMachine()
        #expect(machine.started("w1", byOperator: byOperator, wasObserved: wasObserved, rules, now: Self.at(0)) == 0)
        return machine
    }

    private func backingOff(since second: Int = 60) -> WakeMachine {
        var machine = waking()
        _ = machine.failed(rules, now: Self.at(second))
        return machine
    }

    // MARK: Idle

    @Test func anIdleMachineHasNoDeadlineAndMayBeWoken() {
        let machine = WakeMachine()
        #expect(machine.permitsWake(now: Self.at(0)))
        #expect(machine.nextDeadline == nil && machine.last == nil)
        #expect(machine.eta(now: Self.at(0)) == nil)
    }

    @Test func onlyAStartBeginsAWake() {
        var machine = WakeMachine()
        machine.operatorRequested()
        machine.machineUnreachable()
        machine.engineUnavailable()
        #expect(machine.timePassed(isWanted: true, rules, now: Self.at(99)) == .none)
        #expect(machine.packetAttempted("w1", succeeded: false, rules) == .none)
        #expect(machine.machineReady(now: Self.at(1)) == nil)
        #expect(machine.sleepRefused(now: Self.at(1)) == nil)
        #expect(machine.failed(rules, now: Self.at(1)) == nil)
        #expect(machine.runnerRemoved(now: Self.at(1)) == nil)
        #expect(machine == WakeMachine())
    }

    // MARK: In progress

    @Test func aWakeInProgressPreventsAnother() {
        let machine = waking()
        #expect(!machine.permitsWake(now: Self.at(59)))
        #expect(machine.current?.id == "w1" && machine.last?.id == "w1" && machine.last?.outcome == nil)
        #expect(machine.nextDeadline == Self.at(10))
    }

    @Test func packetsAreSentWhenDueUntilTheDeadline() {
        var machine = waking()
        #expect(machine.timePassed(isWanted: true, rules, now: Self.at(9)) == .none)
        #expect(machine.timePassed(isWanted: true, rules, now: Self.at(10)) == .sendPacket(number: 1))
        #expect(machine.timePassed(isWanted: true, rules, now: Self.at(11)) == .none)
        #expect(machine.timePassed(isWanted: true, rules, now: Self.at(45)) == .sendPacket(number: 4), "one, not three")
        #expect(machine.nextDeadline == Self.at(50))
        #expect(machine.timePassed(isWanted: true, rules, now: Self.at(55)) == .sendPacket(number: 5))
        #expect(machine.nextDeadline == Self.at(60))
        #expect(machine.timePassed(isWanted: true, rules, now: Self.at(60)) == .timedOut(packets: 6))
    }

    @Test func anUnwantedWakeSendsNoPacketUnlessAnOperatorRequestedIt() {
        var machine = waking()
        #expect(machine.timePassed(isWanted: false, rules, now: Self.at(10)) == .none)
        #expect(machine.nextDeadline == Self.at(20), "the packet is skipped")
        machine.operatorRequested()
        #expect(machine.timePassed(isWanted: false, rules, now: Self.at(20)) == .sendPacket(number: 2))
        var requested = waking(byOperator: true)
        #expect(requested.timePassed(isWanted: false, rules, now: Self.at(10)) == .sendPacket(number: 1))
    }

    @Test func aWakeWhosePacketsCannotBeSentIsGivenUp() {
        var machine = waking()
        #expect(machine.packetAttempted("w1", succeeded: false, rules) == .none)
        #expect(machine.packetAttempted("w0", succeeded: false, rules) == .none, "an attempt of an earlier wake")
        #expect(machine.packetAttempted("w1", succeeded: false, rules) == .giveUp)
        var sent = waking()
        #expect(sent.packetAttempted("w1", succeeded: true, rules) == .none)
        for _ in 0..<5 { #expect(sent.packetAttempted("w1", succeeded: false, rules) == .none) }
    }

    @Test func aReadyMachineEndsItsWakeAndTeachesTheBootTime() {
        var machine = waking()
        #expect(machine.machineReady(now: Self.at(40)) == .init(id: "w1", duration: .seconds(40), succeeded: true))
        #expect(machine.current == nil && machine.permitsWake(now: Self.at(40)))
        #expect(machine.bootTime.mean == .seconds(40))
        #expect(machine.last?.outcome == .init(time: .seconds(40), succeeded: true))
        #expect(machine.eta(now: Self.at(50)) == .seconds(40))
    }

    /// A machine in an unknown state may have been awake; evidence that it was not makes the duration a boot time.
    @Test func onlyABootTeachesTheBootTime() {
        var unobserved = waking(wasObserved: false)
        #expect(unobserved.machineReady(now: Self.at(40)) != nil)
        #expect(unobserved.bootTime.mean == nil)
        var unreachable = waking(wasObserved: false)
        unreachable.machineUnreachable()
        #expect(unreachable.machineReady(now: Self.at(40)) != nil)
        #expect(unreachable.bootTime.mean == .seconds(40))
        var hostOnly = waking(wasObserved: false)
        hostOnly.engineUnavailable()
        #expect(hostOnly.machineReady(now: Self.at(40)) != nil)
        #expect(hostOnly.bootTime.mean == .seconds(40))
        var awake = waking()
        #expect(awake.sleepRefused(now: Self.at(2)) == .init(id: "w1", duration: .seconds(2), succeeded: true))
        #expect(awake.bootTime.mean == nil && awake.current == nil)
    }

    @Test func theExpectedTimeCountsFromTheStart() {
        var machine = WakeMachine(bootTime: BootTime(mean: .seconds(30)))
        #expect(machine.eta(now: Self.at(0)) == .seconds(30))
        _ = machine.started("w1", byOperator: false, wasObserved: true, rules, now: Self.at(0))
        #expect(machine.eta(now: Self.at(12)) == .seconds(18))
        #expect(machine.eta(now: Self.at(45)) == .zero)
    }

    @Test func aRemovedRunnerHasNoWakeAndNoBackOff() {
        var machine = waking()
        #expect(machine.runnerRemoved(now: Self.at(5)) == .init(id: "w1", duration: .seconds(5), succeeded: false))
        #expect(machine.current == nil && machine.notBefore == nil && machine.bootTime.mean == nil)
    }

    // MARK: Backing off

    @Test func aFailedWakeBacksOff() {
        var machine = waking()
        #expect(machine.failed(rules, now: Self.at(60)) == .init(id: "w1", duration: .seconds(60), succeeded: false))
        #expect(machine.nextDeadline == nil && machine.bootTime.mean == nil)
        #expect(!machine.permitsWake(now: Self.at(89)))
        #expect(machine.permitsWake(now: Self.at(90)))
        #expect(machine.last?.outcome?.succeeded == false)
    }

    @Test func aNewWakeOrAReadyMachineEndsTheBackOff() {
        var woken = backingOff()
        _ = woken.started("w2", byOperator: true, wasObserved: true, rules, now: Self.at(61))
        #expect(woken.notBefore == nil && woken.current?.id == "w2" && woken.last?.id == "w2")
        var ready = backingOff()
        #expect(ready.machineReady(now: Self.at(61)) == nil)
        #expect(ready.permitsWake(now: Self.at(61)))
    }

    /// The backoff of a host without an engine doubles up to 16 times; one of an unreachable machine stays.
    @Test func theBackOffGrowsWhileOnlyTheHostResponds() {
        var machine = WakeMachine()
        var pauses: [Duration] = []
        func fail(hostResponds: Bool) -> Duration? {
            _ = machine.started("w", byOperator: false, wasObserved: true, rules, now: Self.at(0))
            if hostResponds { machine.engineUnavailable() }
            _ = machine.failed(rules, now: Self.at(60))
            return machine.notBefore.map { Self.at(60).duration(to: $0) }
        }
        for _ in 0..<6 { pauses.append(fail(hostResponds: true) ?? .zero) }
        #expect(pauses == [30, 60, 120, 240, 480, 480].map { .seconds($0) })
        #expect(fail(hostResponds: false) == .seconds(30))
        _ = machine.machineReady(now: Self.at(70))
        #expect(fail(hostResponds: true) == .seconds(30))
    }

    /// In any order of events: one wake at a time, each ends once, and packets are sent in order before its deadline.
    @Test(arguments: 0..<20) func invariantsHoldInAnyOrderOfEvents(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = WakeMachine()
        var (now, number, packet) = (Self.at(0), 0, -1)
        var open: WakeID?
        func ended(_ ended: WakeMachine.Ended?) {
            #expect((ended == nil) == (open == nil) && ended?.id == open)
            open = nil
        }
        for _ in 0..<500 {
            now = now.advanced(by: .seconds(Int.random(in: 0..<15, using: &random)))
            switch Int.random(in: 0..<9, using: &random) {
            case 0 where machine.permitsWake(now: now):
                number += 1
                open = WakeID("w\(number)")
                packet =
                    machine.started(WakeID("w\(number)"), byOperator: false, wasObserved: true, rules, now: now) ?? -1
            case 1: machine.operatorRequested()
            case 2: machine.machineUnreachable()
            case 3: machine.engineUnavailable()
            case 4 where Int.random(in: 0..<4, using: &random) == 0: ended(machine.machineReady(now: now))
            case 5 where Int.random(in: 0..<4, using: &random) == 0: ended(machine.sleepRefused(now: now))
            case 6:
                if machine.packetAttempted(WakeID("w\(number)"), succeeded: .random(using: &random), rules) == .giveUp {
                    #expect(open != nil)
                    ended(machine.failed(rules, now: now))
                }
            default:
                switch machine.timePassed(isWanted: .random(using: &random), rules, now: now) {
                case .none: break
                case .sendPacket(let next):
                    #expect(open != nil && next > packet)
                    packet = next
                case .timedOut: ended(machine.failed(rules, now: now))
                }
            }
            #expect(machine.current?.id == open && (machine.nextDeadline == nil) == (open == nil))
            #expect(open == nil || machine.notBefore == nil)
            #expect(machine.nextDeadline.map { $0 <= now.advanced(by: rules.timeout) } ?? true)
        }
        #expect(number > 5)
    }
}
