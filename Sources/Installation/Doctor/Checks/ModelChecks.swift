import Settings
import SimpleAICore

/// Models that the settings promise and that their engine does not have.
enum ModelChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        gateway(system.gateway) + runner(system.runner)
    }

    private static func gateway(_ gateway: SystemDescription.Gateway?) -> [Finding] {
        guard let gateway, let settings = gateway.document.content else { return [] }
        return settings.runners.enumerated().flatMap { index, runner -> [Finding] in
            guard let engine = gateway.engines.first(where: { runner.id.rawValue.isExactly($0.id) }),
                let listed = models(of: [engine])
            else { return [] }
            let stated = runner.models.filter { runner.aliases[$0] == nil && !contains(listed, $0.rawValue) }
            let targets = runner.aliases.sorted { $0.key < $1.key }.filter { !contains(listed, $0.value) }
            return stated.map { missing($0.rawValue, "runners[\(index)].models", engine.url, listed) }
                + targets.map { missing($0.value, "runners[\(index)].aliases.\($0.key)", engine.url, listed) }
        }
    }

    private static func runner(_ runner: SystemDescription.Runner?) -> [Finding] {
        guard let runner, let settings = runner.document.content, runner.engines.count == settings.engines.count,
            let listed = models(of: runner.engines)
        else { return [] }
        return settings.aliases.sorted { $0.key < $1.key }.filter { !contains(listed, $0.value) }
            .map { missing($0.value, "aliases.\($0.key)", "this machine", listed) }
    }

    /// The models of all engines; nil if those of one are unknown, or if it serves every name.
    private static func models(of engines: [SystemDescription.EngineState]) -> [String]? {
        var models: [String] = []
        for engine in engines {
            guard case .models(let listed) = engine.outcome, !listed.isEmpty, !engine.acceptsAnyModel else {
                return nil
            }
            models += listed
        }
        return models
    }

    /// `llama3.2` is `llama3.2:latest` for engines with tags.
    private static func contains(_ listed: [String], _ model: String) -> Bool {
        listed.contains {
            $0.isExactly(model) || ImpliedTag.shortID(of: EngineModelID($0))?.rawValue.isExactly(model) ?? false
        }
    }

    private static func missing(_ model: String, _ key: String, _ place: String, _ listed: [String]) -> Finding {
        Finding(
            "engine.lacks-model", .warning,
            "\(key) names the model \(model), which the engine at \(place) does not list; it has: "
                + listed.prefix(8).joined(separator: ", "),
            fix: "load the model there, or correct \(key)")
    }
}
