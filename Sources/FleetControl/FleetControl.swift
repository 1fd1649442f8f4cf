package import Logging
package import NIOCore
package import Relay
package import Scheduling
package import Settings
package import SimpleAICore
package import Storage
import WebSocketTransport

/// The plane that keeps in touch with machines: probes, agents, wakes, power, and the state that survives a restart.
/// Builds its parts and connects them.
package struct FleetControl: Sendable {
    package let upstreams: UpstreamDirectory
    package let contextLengths: ContextLengths
    package let capabilities: ModelCapabilities
    package let supervisor: FleetSupervisor
    package let metrics: any MetricSource
    package let agents: Agents

    /// - Parameters:
    ///   - machines: the machines that the settings and the state file name.
    ///   - pools: of the connections of calls.
    ///   - power: wakes machines and puts them to sleep.
    ///   - stateFile: and what it contained at the start.
    ///   - invitations: the invitations and own tokens of runners; nil if runners cannot be invited.
    ///   - eventLoop: on which the whole plane works.
    package init(
        settings: Settings, machines: MachineDirectory, scheduler: Scheduler, upstreams: UpstreamDirectory,
        pools: UpstreamPools, power: any PowerControl, stateFile: StateFile, remembered: StateFile.Opened,
        admissions: AdmissionMetrics, drain: DrainState, invitations: RunnerTokenStore?, logger: Logger,
        on eventLoop: any EventLoop
    ) {
        let metrics = FleetMetrics(scheduler: scheduler)
        let members = ClassMemberReport(classes: ClassTable(settings).classes, logger: logger)
        let memory = FleetMemory(
            stateFile, restoring: remembered.content, isWritten: remembered.isWritten, logger: logger, on: eventLoop,
            knownAgents: { Set(machines.agents.keys) }
        ) {
            let snapshot = scheduler.snapshot()
            members.check(snapshot)
            return StateFile.Content(
                snapshot, agents: machines.agents, contextLengths: machines.contextLengths.all)
        }
        let agents = Agents(
            settings: settings, machines: machines, scheduler: scheduler, upstreams: upstreams, memory: memory,
            metrics: metrics, admissions: admissions, drain: drain, invitations: invitations,
            logger: logger, on: eventLoop)
        self.agents = agents
        self.upstreams = upstreams
        self.metrics = metrics
        contextLengths = machines.contextLengths
        capabilities = machines.capabilities
        supervisor = FleetSupervisor(
            settings: settings, scheduler: scheduler, upstreams: upstreams, pools: pools, machines: machines,
            power: power, agents: agents, memory: memory, metrics: metrics, logger: logger, on: eventLoop)
    }

    /// Requests a runner's current list of models, because a call has contradicted the last one.
    package func refreshModels(of runner: RunnerID) {
        supervisor.probe(runner)
        agents.requestStatus(of: runner)
    }

    /// Whether a runner was registered by an agent, now or before a restart.
    package func isAgent(_ id: RunnerID) -> Bool { supervisor.isAgent(id) }

    /// Applies other settings while calls run.
    package func adopt(_ plan: RunnerPlan, _ settings: Settings) {
        agents.adopt(settings)
        supervisor.adopt(plan, settings)
    }
}
