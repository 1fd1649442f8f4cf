package import SimpleAICore

extension ClassTable {
    package init(_ settings: Settings) {
        self.init(
            settings.classes.map {
                ModelClass(
                    name: $0.name, models: $0.models,
                    preferredMachineTypes: (settings.routing.prefer[$0.name] ?? []).map { MachineType($0) },
                    speculativeWakes: (settings.routing.speculativeWake[$0.name] ?? []).map { ExactString($0) },
                    policy: settings.routing.policies[$0.name] ?? settings.routing.policy)
            },
            defaultClass: settings.defaultClass)
    }
}

extension Runner {
    package init(_ runner: Settings.StaticRunner) {
        self.init(
            id: runner.id, slots: runner.slots, weight: runner.weight, machineType: MachineType(runner.machineType),
            canBeWoken: runner.wake != nil, hasSleepMethod: runner.sleep != nil, statedModels: runner.models,
            aliases: runner.aliases.mapValues { EngineModelID($0) })
    }
}
