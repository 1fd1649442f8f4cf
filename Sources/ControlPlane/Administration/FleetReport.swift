import Scheduling
import SimpleAICore

/// `GET /admin/api/fleet`, also at `/admin`: the state of the fleet in the scheduler, for operators and scripts.
struct FleetReport {
    let fleet: SchedulerSnapshot

    var json: String {
        let runners = fleet.runners.map(Self.json)
        return
            "{\"leases\":\(fleet.leases),\"waiting\":\(fleet.waiting),\"runners\":[\(runners.joined(separator: ","))]}"
    }

    private static func json(_ status: SchedulerSnapshot.RunnerStatus) -> String {
        let runner = status.runner
        let fields = [
            "\"id\":\(JSONString.encode(runner.id.rawValue))", "\"state\":\"\(status.state.rawValue)\"",
            "\"state_reason\":\(text(status.reason?.description))",
            "\"machine_type\":\(JSONString.encode(runner.machineType.rawValue))", "\"is_agent\":\(status.isAgent)",
            "\"slots\":\(runner.slots)", "\"active\":\(status.active)", "\"is_ejected\":\(status.isEjected)",
            "\"can_be_woken\":\(runner.canBeWoken)", "\"can_sleep\":\(status.isSleepable)",
            "\"is_falling_asleep\":\(status.isFallingAsleep)",
            "\"sleep_problem\":\(text(status.sleepProblem?.description))",
            "\"boot_ms\":\(milliseconds(status.bootTime.mean))", "\"wake_eta_ms\":\(milliseconds(status.wakeETA))",
            "\"last_wake\":\(json(status.lastWake))", "\"loading\":\(text(status.loading?.rawValue))",
            "\"models\":\(list(status.models.keys))", "\"loaded\":\(list(status.loaded))",
        ]
        return "{\(fields.joined(separator: ","))}"
    }

    private static func json(_ wake: SchedulerSnapshot.LastWake?) -> String {
        guard let wake else { return "null" }
        let outcome = wake.outcome.map { $0.succeeded ? "awake" : "failed" }
        return "{\"id\":\(JSONString.encode(wake.id.rawValue)),\"age_ms\":\(wake.age.wholeMilliseconds),"
            + "\"took_ms\":\(milliseconds(wake.outcome?.time)),\"outcome\":\(text(outcome))}"
    }

    private static func list(_ models: some Sequence<ModelID>) -> String {
        "[\(models.sorted().map { JSONString.encode($0.rawValue) }.joined(separator: ","))]"
    }

    private static func text(_ text: String?) -> String { text.map { JSONString.encode($0) } ?? "null" }
    private static func milliseconds(_ time: Duration?) -> String { time.map { "\($0.wholeMilliseconds)" } ?? "null" }
}
