import Scheduling
import SimpleAICore

/// `GET /admin`: the fleet as the scheduler sees it, for operators and scripts.
struct FleetReport {
    let fleet: SchedulerSnapshot

    var json: String {
        let runners = fleet.runners.map { status in
            let models = status.models.keys.sorted().map { JSONString.encode($0.rawValue) }.joined(separator: ",")
            let boot = status.bootTime.mean.map { "\($0.wholeMilliseconds)" } ?? "null"
            return "{\"id\":\(JSONString.encode(status.runner.id.rawValue)),\"state\":\"\(status.state.rawValue)\","
                + "\"machine_type\":\(JSONString.encode(status.runner.machineType)),"
                + "\"slots\":\(status.runner.slots),\"active\":\(status.active),"
                + "\"can_be_woken\":\(status.runner.canBeWoken),\"boot_ms\":\(boot),\"models\":[\(models)]}"
        }
        return
            "{\"leases\":\(fleet.leases),\"waiting\":\(fleet.waiting),\"runners\":[\(runners.joined(separator: ","))]}"
    }
}
