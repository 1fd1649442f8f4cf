import Settings
import SimpleAICore

/// Classes that no machine can serve.
enum ClassChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        guard let gateway = system.gateway, let settings = gateway.document.content else { return [] }
        // Models of machines that have not responded are unknown.
        guard let known = knownModels(gateway) else { return [] }
        return settings.classes.compactMap { modelClass in
            let missing = modelClass.models.filter { member in
                !known.contains { $0 == member || ImpliedTag.shortID(of: EngineModelID($0.rawValue)) == member }
            }
            guard let first = missing.first else { return nil }
            let listed = known.isEmpty ? "none" : known.prefix(8).map(\.rawValue).joined(separator: ", ")
            let names = missing.map(\.rawValue).joined(separator: ", ")
            guard missing.count == modelClass.models.count else {
                return Finding(
                    "class.missing-member", .warning,
                    "no machine has \(names) of class:\(modelClass.name); the machines have: \(listed)",
                    fix: "load \(first), or remove it from classes.\(modelClass.name)")
            }
            return Finding(
                "class.unserved",
                "no machine has a model of class:\(modelClass.name) (\(names)); the machines have: \(listed)",
                fix: "add one of those to classes.\(modelClass.name), or load \(first)")
        }
    }

    /// Nil if a machine may have models that are unknown.
    private static func knownModels(_ gateway: SystemDescription.Gateway) -> [ModelID]? {
        guard let settings = gateway.document.content else { return nil }
        var models: [ModelID] = []
        if let machines = gateway.running?.machines {
            for machine in machines { models += machine.models.map { ModelID($0) } }
        } else if settings.fleet.acceptsAgents || gateway.hasInvitedRunners {
            return nil
        }
        for runner in settings.runners {
            models += runner.models + Array(runner.aliases.keys)
            let isObserved = gateway.engines.contains { runner.id.rawValue.isExactly($0.id) }
            guard isObserved || !runner.models.isEmpty || gateway.running?.machines != nil else { return nil }
        }
        for engine in gateway.engines {
            switch engine.outcome {
            case .models(let listed): models += listed.map { ModelID($0) }
            case .noList, .otherKind, .failed:
                let isStated = settings.runners.contains { $0.id.rawValue.isExactly(engine.id) && !$0.models.isEmpty }
                guard isStated || gateway.running?.machines != nil else { return nil }
            }
        }
        var seen: Set<ModelID> = []
        return models.filter { seen.insert($0).inserted }.sorted()
    }
}
