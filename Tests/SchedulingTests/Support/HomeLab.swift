import Foundation
import SimpleAICore
import Testing

@testable import Scheduling

/// A simulated home lab with its own clock: one small box that is always on, and two machines with GPUs whose agents
/// put them to sleep. Packets get lost, machines take time to boot and to fall asleep, and people work by day.
struct HomeLab {
    private enum Event {
        case call
        case ended(Lease)
        case heartbeat(Int)
        case off(Int)
        case up(Int)
        case checked(Int, CommandID)
        case timer
    }

    private enum Power { case on, fallingAsleep, off, booting }

    private struct Machine {
        let id: RunnerID
        let models: [EngineModelID]
        let boot: ClosedRange<Double>
        var power = Power.on
        var secondsAsleep = 0.0
        var offSince = 0.0
    }

    /// What happened, for the test and its printed summary.
    struct Diary {
        var calls = 0
        var served = 0
        var rejected: [String: Int] = [:]
        var wakes = 0
        var wakesSucceeded = 0
        var packets = 0
        var packetsLost = 0
        var sleeps = 0
        var sleepsWithALease = 0
        /// The waits of calls for a machine, in seconds, and the wait expected on arrival; nil if it was unknown.
        var waits: [(waited: Double, expected: Double?)] = []
        var hoursAsleep: [RunnerID: Double] = [:]
    }

    private(set) var diary = Diary()
    private var state: SchedulerState
    private var random: SeededGenerator
    private let start = ContinuousClock.now
    /// Seconds since the start.
    private var time = 0.0
    private var events: [(at: Double, number: Int, event: Event)] = []
    private var eventNumber = 0
    private var timerAt: Double?
    private var machines = [
        Machine(id: "gpu-1", models: ["large", "quick"], boot: 18...28),
        Machine(id: "gpu-2", models: ["large", "huge"], boot: 35...55),
    ]
    private var waiting: [WaiterID: (seconds: Double, expected: Double?)] = [:]
    private var leases: [RunnerID: Int] = [:]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        var configuration = SchedulerState.Configuration()
        configuration.packetOffset = Bench.offset
        configuration.sleepAfter = .seconds(900)
        configuration.checksAfterSleep = true
        state = SchedulerState(configuration)
        state.add(Runner(id: "box", slots: 4, statedModels: ["small"]))
        state.runnerResponded("box", engineModels: nil, now: start)
        for index in machines.indices {
            state.put(Runner(id: machines[index].id, machineType: "gpu", canBeWoken: true), now: start)
            dialIn(index)
        }
    }

    /// - Parameter days: the number of days, from a Monday at midnight.
    mutating func live(days: Int) throws {
        schedule(nextCall(), .call)
        collect()
        let end = Double(days) * 86_400
        while let next = events.last, next.at < end {
            events.removeLast()
            time = next.at
            try happen(next.event)
            collect()
        }
        // Includes sleeps that are still in progress.
        for machine in machines {
            let asleep = machine.secondsAsleep + (machine.power == .off ? end - machine.offSince : 0)
            diary.hoursAsleep[machine.id] = asleep / 3600
        }
    }

    private var now: ContinuousClock.Instant { start.advanced(by: .milliseconds(Int(time * 1000))) }

    // MARK: Events

    private mutating func schedule(_ at: Double, _ event: Event) {
        eventNumber += 1
        // The earliest event is last; among equals the one that was scheduled first.
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].at > at { low = middle + 1 } else { high = middle }
        }
        events.insert((at, eventNumber, event), at: low)
    }

    private mutating func happen(_ event: Event) throws {
        switch event {
        case .call:
            place()
            schedule(nextCall(), .call)
        case .ended(let lease):
            leases[lease.runner, default: 0] -= 1
            state.release(lease.id, outcome: .served, now: now)
        case .heartbeat(let index):
            guard machines[index].power == .on || machines[index].power == .fallingAsleep else { return }
            state.agentReported(machines[index].id, report(of: index), now: now)
            schedule(time + 15, .heartbeat(index))
        case .off(let index):
            machines[index].power = .off
            machines[index].offSince = time
            state.agentDisconnected(machines[index].id, now: now)
        case .up(let index):
            machines[index].power = .on
            machines[index].secondsAsleep += time - machines[index].offSince
            dialIn(index)
        case .checked(let index, let request):
            state.checkCompleted(machines[index].id, request, failure: nil, now: now)
        case .timer:
            guard let due = timerAt, due <= time else { return }
            timerAt = nil
            state.timePassed(now: now)
        }
    }

    private func report(of index: Int) -> RunnerReport {
        RunnerReport(
            models: machines[index].models.map { .init(engineID: $0) }, slots: 4, isSleepable: true, hasGPU: true)
    }

    private mutating func dialIn(_ index: Int) {
        state.agentConnected(machines[index].id, now: now)
        state.agentReported(machines[index].id, report(of: index), now: now)
        schedule(time + 15, .heartbeat(index))
    }

    /// Busy from nine to five on weekdays, some evenings, hardly ever at night.
    private mutating func nextCall() -> Double {
        let day = Int(time / 86_400) % 7
        let hour = Int(time / 3600) % 24
        let perHour: Double =
            switch hour {
            case 9..<17: day < 5 ? 20 : 3
            case 17..<23: 6
            case 7..<9: 2
            default: 0.2
            }
        let share = Double.random(in: 0.0001..<1, using: &random)
        // Not beyond the next change of the pattern.
        return time + min(-log(share) * 3600 / perHour, 1800)
    }

    private mutating func place() {
        let asked = ["small", "large", "quick", "huge"].randomElement(using: &random) ?? "large"
        let models = [ModelID(asked)]
        let request = PlacementRequest(models: models, preferredMachineTypes: ["gpu"])
        diary.calls += 1
        let expected = state.explain(request, now: now).expectedWait
        switch state.place(request, now: now) {
        case .granted(let lease): serve(lease)
        case .waiting(let id, _):
            waiting[id] = (time, expected.map { Double($0.components.seconds) })
        case .refused(let error): diary.rejected[error.code.rawValue, default: 0] += 1
        }
    }

    private mutating func serve(_ lease: Lease) {
        diary.served += 1
        leases[lease.runner, default: 0] += 1
        schedule(time + Double.random(in: 2...60, using: &random), .ended(lease))
    }

    // MARK: Effects

    private mutating func collect() {
        for effect in state.takeEffects() {
            switch effect {
            case .grant(let id, let lease):
                if let wait = waiting.removeValue(forKey: id), lease.wake != nil {
                    diary.waits.append((time - wait.seconds, wait.expected))
                }
                serve(lease)
            case .reject(let id, let error):
                waiting.removeValue(forKey: id)
                diary.rejected[error.code.rawValue, default: 0] += 1
            case .sendPacket(let runner, _, _, _): arrive(at: runner)
            case .wakeStarted: diary.wakes += 1
            case .wakeEnded(_, _, _, let succeeded): diary.wakesSucceeded += succeeded ? 1 : 0
            case .sleepMachine(let runner, let request, _):
                diary.sleeps += 1
                if leases[runner, default: 0] > 0 { diary.sleepsWithALease += 1 }
                guard let index = index(of: runner) else { continue }
                machines[index].power = .fallingAsleep
                state.commandCompleted(runner, request, failure: nil, now: now)
                schedule(time + Double.random(in: 1...8, using: &random), .off(index))
            case .checkRunner(let runner, _, let request):
                if let index = index(of: runner) { schedule(time + 0.4, .checked(index, request)) }
            case .startTimer(let instant):
                let at = Double(start.duration(to: instant).components.seconds) + 1
                timerAt = at
                schedule(at, .timer)
            case .stateChanged, .ejected, .readmitted, .sleepFailed, .checkFailed, .loadModel, .unloadModel,
                .loadFailed:
                break
            }
        }
    }

    private func index(of runner: RunnerID) -> Int? { machines.firstIndex { $0.id == runner } }

    /// A third of all packets are lost, and a machine that is falling asleep ignores them.
    private mutating func arrive(at runner: RunnerID) {
        diary.packets += 1
        guard let index = index(of: runner), machines[index].power != .booting else { return }
        guard machines[index].power == .off, Int.random(in: 0..<3, using: &random) > 0 else {
            return diary.packetsLost += 1
        }
        machines[index].power = .booting
        schedule(time + Double.random(in: machines[index].boot, using: &random), .up(index))
    }
}
