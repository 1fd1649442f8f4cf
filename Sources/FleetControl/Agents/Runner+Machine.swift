package import SimpleAICore

extension Runner {
    /// An agent's runner, as the scheduler describes it.
    package init(_ id: RunnerID, _ machine: MachineDirectory.AgentMachine) {
        self.init(
            id: id, machineType: MachineType(machine.machineType), canBeWoken: machine.mac != nil,
            aliases: machine.aliases)
    }
}
