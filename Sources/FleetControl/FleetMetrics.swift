import RunnerProtocol
import Scheduling
import SimpleAICore
import Synchronization

/// The metrics of machines and agents: counts of what happened to them, and the scheduler's state.
final class FleetMetrics: MetricSource {
    private struct Counts {
        var packets = 0
        var ejections = 0
        var wakes: [Bool: Int] = [:]
        var sleeps = 0
        var agentsConnected = 0
        var registrations = 0
        var protocolErrors: [ProtocolErrorCode: Int] = [:]
    }

    private let counts = Mutex(Counts())
    private let scheduler: Scheduler

    init(scheduler: Scheduler) {
        self.scheduler = scheduler
    }

    func packetWasSent() {
        counts.withLock { $0.packets += 1 }
    }

    func runnerWasEjected() {
        counts.withLock { $0.ejections += 1 }
    }

    func sleepStarted() {
        counts.withLock { $0.sleeps += 1 }
    }

    func wakeEnded(succeeded: Bool) {
        counts.withLock { $0.wakes[succeeded, default: 0] += 1 }
    }

    func agentJoined(connected: Int) {
        counts.withLock { counts in
            counts.agentsConnected = connected
            counts.registrations += 1
        }
    }

    func agentLeft(connected: Int) {
        counts.withLock { $0.agentsConnected = connected }
    }

    func agentViolatedProtocol(_ code: ProtocolErrorCode) {
        counts.withLock { $0.protocolErrors[code, default: 0] += 1 }
    }

    package func write(to page: inout ExpositionPage) {
        let fleet = scheduler.snapshot()
        writeSlots(fleet, to: &page)
        writeRunners(fleet, to: &page)
        let counts = counts.withLock { $0 }
        page.metric("simpleai_ejections_total", .counter, "Total number of runner ejections.") {
            $0.sample([:], counts.ejections)
        }
        page.metric("simpleai_wakes_total", .counter, "Total number of machine wakes, by outcome.") {
            $0.sample(["outcome": "awake"], counts.wakes[true] ?? 0)
            $0.sample(["outcome": "failed"], counts.wakes[false] ?? 0)
        }
        page.metric("simpleai_sleeps_total", .counter, "Total number of machines put to sleep.") {
            $0.sample([:], counts.sleeps)
        }
        page.metric("simpleai_magic_packets_total", .counter, "Total number of magic packets sent.") {
            $0.sample([:], counts.packets)
        }
        page.metric("simpleai_agents_connected", .gauge, "Number of registered and connected runner agents.") {
            $0.sample([:], counts.agentsConnected)
        }
        page.metric(
            "simpleai_agent_registrations_total", .counter, "Total number of runner agent registrations."
        ) {
            $0.sample([:], counts.registrations)
        }
        page.metric(
            "simpleai_agent_protocol_errors_total", .counter, "Total number of runner protocol errors, by code."
        ) {
            for code in ProtocolErrorCode.all { $0.sample(["code": code.rawValue], counts.protocolErrors[code] ?? 0) }
        }
    }

    private func writeSlots(_ fleet: SchedulerSnapshot, to page: inout ExpositionPage) {
        page.metric("simpleai_leases", .gauge, "Number of runner slots leased to calls.") {
            $0.sample([:], fleet.leases)
        }
        page.metric(
            "simpleai_lease_double_returns_total", .counter,
            "Total number of leases returned twice; any value above 0 is a bug."
        ) {
            $0.sample([:], fleet.doubleReturns)
        }
        page.metric("simpleai_calls_waiting", .gauge, "Number of calls waiting for a slot or a machine.") {
            $0.sample([:], fleet.waiting)
        }
    }

    private func writeRunners(_ fleet: SchedulerSnapshot, to page: inout ExpositionPage) {
        page.metric("simpleai_runners", .gauge, "Number of runners, by state.") {
            for state in RunnerState.allCases {
                $0.sample(["state": state.rawValue], fleet.runners.count { $0.state == state })
            }
        }
        page.metric("simpleai_runner_active_calls", .gauge, "Number of calls in progress, by runner.") {
            for status in fleet.runners { $0.sample(["runner": status.runner.id.rawValue], status.active) }
        }
        page.metric("simpleai_runners_ejected", .gauge, "Number of runners ejected or on probation.") {
            $0.sample([:], fleet.runners.count(where: \.isEjected))
        }
    }
}
