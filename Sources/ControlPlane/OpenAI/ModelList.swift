import Foundation
import Scheduling
import SimpleAICore

/// `GET /v1/models`: the models and classes that this caller may request, including models on sleeping machines. Models
/// that the caller can request only through a class are in the entry of the class. Built from the gateway's state, so no
/// machine can delay it.
struct ModelList {
    /// How soon a model can serve, from best to worst.
    enum State: String, CaseIterable, Comparable {
        case ready, loadable, waking, asleep, down

        private var rank: Int {
            switch self {
            case .ready: 0
            case .loadable: 1
            case .waking: 2
            case .asleep: 3
            case .down: 4
            }
        }

        static func < (left: State, right: State) -> Bool { left.rank < right.rank }
    }

    struct Entry: Hashable {
        var id: String
        var state: State
        /// Number of runners that can serve this entry without loading a model (`State.ready`), in the best tier that has one;
        /// nil if settings hide runners from this caller.
        var runnersReady: Int?
        var wakeETA: Duration?
        /// In tokens; nil if no engine states it.
        var contextLength: Int?
        var classes: [ClassName]
        /// The members of a class that the caller may see; nil for a model.
        var members: [ModelID]?
        /// What all models of this entry can do, as far as engines state it; empty if it is unknown.
        var capabilities: Set<ModelCapability> = []
        /// The name for people.
        var displayName: String

        var json: String {
            var fields = [
                "\"id\":\(JSONString.encode(id))", "\"object\":\"model\"", "\"created\":\(ModelList.created)",
                "\"owned_by\":\"simpleai\"", "\"state\":\"\(state.rawValue)\"",
            ]
            if let runnersReady { fields.append("\"runners_ready\":\(runnersReady)") }
            if let wakeETA {
                fields.append("\"wake_eta_seconds\":\((wakeETA.wholeMilliseconds + 999) / 1000)")
            }
            // Clients read either name.
            if let contextLength {
                fields.append("\"context_length\":\(contextLength),\"max_model_len\":\(contextLength)")
            }
            let classes = classes.map { JSONString.encode($0.rawValue) }.joined(separator: ",")
            fields.append("\"classes\":[\(classes)],\"display_name\":\(JSONString.encode(displayName))")
            if !capabilities.isEmpty { fields.append("\"capabilities\":[\(capabilityList)]") }
            if let members {
                let members = members.map { JSONString.encode($0.rawValue) }.joined(separator: ",")
                fields.append("\"models\":[\(members)]")
            }
            return "{\(fields.joined(separator: ","))}"
        }

        private var capabilityList: String {
            ModelCapability.allCases.filter(capabilities.contains).map { "\"\($0.rawValue)\"" }.joined(separator: ",")
        }

        /// The same entry under another id.
        func named(_ id: String, displayName: String) -> Entry {
            var entry = self
            entry.id = id
            entry.displayName = displayName.isEmpty ? id : displayName
            return entry
        }
    }

    /// Seconds since 1970. Clients expect a number; the creation time of a model is unknown, so it is the start of this
    /// process.
    static let created = Int(Date().timeIntervalSince1970)

    let entries: [Entry]
    /// Entries under ids without the tag `:latest`, for models that runners list only with it. Callers may request these
    /// ids, but the list omits them.
    private let unlisted: [Entry]
    private let aliases: ModelAliases
    /// All models, whether the caller may request them or not.
    private let known: Set<ModelID>

    init(
        _ fleet: SchedulerSnapshot, contextLengths: [RunnerID: ContextLengths.Stated] = [:],
        capabilities: [RunnerID: ModelCapabilities.Stated] = [:], classes: ClassTable,
        policy: AccessPolicy, aliases: ModelAliases = ModelAliases(), caller: Caller, showsRunners: Bool
    ) {
        let fleet = IndexedFleet(fleet, contextLengths, capabilities, showsRunners: showsRunners)
        let known = Set(fleet.models).union(classes.classes.flatMap(\.models))
        let classEntries = classes.classes.filter { policy.mayList(class: $0.name, by: caller) }.map { modelClass in
            var entry = fleet.entry(
                "class:\(modelClass.name)", serving: Set(modelClass.models), classes: [modelClass.name],
                preferred: modelClass.preferredMachineTypes)
            entry.members = policy.visibleMembers(of: modelClass, for: caller)
            return entry
        }
        let named = Set(classes.classes.flatMap(\.models))
        let modelEntries = known.sorted().filter { policy.mayList($0, by: caller) }.map { model in
            let entry = fleet.entry(
                model.rawValue, serving: [model],
                classes: classes.names(of: model).filter { policy.mayList(class: $0, by: caller) }, preferred: [])
            return (entry: entry, isListed: named.contains(model) || !fleet.isImplied(model))
        }
        let listed = classEntries + modelEntries.filter(\.isListed).map(\.entry)
        unlisted = modelEntries.filter { !$0.isListed }.map(\.entry)
        (self.aliases, self.known) = (aliases, known)
        entries = listed + Self.entries(of: aliases, known, among: listed + unlisted)
    }

    /// The entries of listed aliases whose targets the caller may request.
    private static func entries(of aliases: ModelAliases, _ known: Set<ModelID>, among targets: [Entry]) -> [Entry] {
        let listed = aliases.aliases.filter { $0.isListed && !$0.pattern.hasWildcards }
        guard !listed.isEmpty else { return [] }
        let byID = Dictionary(targets.map { (ExactString($0.id), $0) }, uniquingKeysWith: { first, _ in first })
        return listed.compactMap { alias in
            let request = ModelRequest.exactly(ModelID(alias.pattern.text))
            let target = aliases.resolve(request, isModel: known.contains)?.target.description
            return target.flatMap { byID[ExactString($0)] }?
                .named(alias.pattern.text, displayName: alias.displayName)
        }
    }

    /// The entry for one id, compared byte by byte; also for unlisted ids and for names that an alias matches.
    func entry(for id: String) -> Entry? {
        let all = entries + unlisted
        if let entry = all.first(where: { $0.id.isExactly(id) }) { return entry }
        guard let resolution = aliases.resolve(.exactly(ModelID(id)), isModel: known.contains) else { return nil }
        let target = resolution.target.description
        return all.first { $0.id.isExactly(target) }?.named(id, displayName: resolution.alias.displayName)
    }

    /// The list in OpenAI's form; `models` is the same list for Codex.
    var json: String {
        let codex = entries.lazy.filter { $0.capabilities.isEmpty || $0.capabilities.contains(.chat) }.enumerated()
            .map { CodexModel.json($1, priority: $0) }
        return "{\"object\":\"list\",\"data\":[\(entries.map(\.json).joined(separator: ","))],"
            + "\"models\":[\(codex.joined(separator: ","))]}"
    }
}

/// A snapshot of the fleet with an index from models to runners, so that the cost of a model list is linear in its
/// length.
private struct IndexedFleet {
    private let runners: [SchedulerSnapshot.RunnerStatus]
    private let contextLengths: [RunnerID: ContextLengths.Stated]
    private let capabilities: [RunnerID: ModelCapabilities.Stated]
    private let showsRunners: Bool
    /// Positions in `runners`, ascending.
    private let runnersOfModel: [ModelID: [Int]]

    init(
        _ fleet: SchedulerSnapshot, _ contextLengths: [RunnerID: ContextLengths.Stated],
        _ capabilities: [RunnerID: ModelCapabilities.Stated], showsRunners: Bool
    ) {
        self.capabilities = capabilities
        runners = fleet.runners
        self.contextLengths = contextLengths
        self.showsRunners = showsRunners
        var runnersOfModel: [ModelID: [Int]] = [:]
        for (position, status) in fleet.runners.enumerated() {
            for model in status.models.keys { runnersOfModel[model, default: []].append(position) }
        }
        self.runnersOfModel = runnersOfModel
    }

    var models: Dictionary<ModelID, [Int]>.Keys { runnersOfModel.keys }

    func entry(
        _ id: String, serving models: Set<ModelID>, classes: [ClassName], preferred: [MachineType]
    ) -> ModelList.Entry {
        let serving = runners(serving: models)
        let state = serving.map { Self.state(of: $0, models) }.min() ?? .down
        let eta = state == .asleep || state == .waking ? serving.compactMap(\.wakeETA).min() : nil
        return ModelList.Entry(
            id: id, state: state, runnersReady: showsRunners ? readyInBestTier(serving, models, preferred) : nil,
            wakeETA: eta, contextLength: contextLength(serving, models), classes: classes,
            capabilities: capabilities(serving, models), displayName: id)
    }

    private func runners(serving models: Set<ModelID>) -> [SchedulerSnapshot.RunnerStatus] {
        let positions = models.reduce(into: Set<Int>()) { positions, model in
            positions.formUnion(runnersOfModel[model] ?? [])
        }
        return positions.map { runners[$0] }
    }

    /// Whether every runner of a model lists it only under the name with the tag `:latest`.
    func isImplied(_ model: ModelID) -> Bool {
        let serving = runners(serving: [model])
        return !serving.isEmpty && serving.allSatisfy { ImpliedTag.isShortForm(model, in: $0.models) }
    }

    /// The shortest context length of these runners, because any of them may serve the call.
    private func contextLength(_ serving: [SchedulerSnapshot.RunnerStatus], _ models: Set<ModelID>) -> Int? {
        serving.lazy.compactMap { status -> Int? in
            guard let lengths = contextLengths[status.runner.id] else { return nil }
            return models.lazy.compactMap { model in status.models[model].flatMap { lengths[$0] } }.min()
        }.min()
    }

    /// The capabilities that all of these runners have for all of the models, because any of them may serve the call;
    /// runners whose engine states none are disregarded.
    private func capabilities(
        _ serving: [SchedulerSnapshot.RunnerStatus], _ models: Set<ModelID>
    ) -> Set<ModelCapability> {
        var common: Set<ModelCapability>?
        for status in serving {
            guard let stated = capabilities[status.runner.id] else { continue }
            for model in models {
                guard let found = status.models[model].flatMap({ stated[$0] }) else { continue }
                common = common?.intersection(found) ?? found
            }
        }
        return common ?? []
    }

    /// Number of runners that can serve the models without loading one, in the best tier that has such a runner.
    private func readyInBestTier(
        _ serving: [SchedulerSnapshot.RunnerStatus], _ models: Set<ModelID>, _ preferred: [MachineType]
    ) -> Int {
        let tiers = serving.filter { Self.state(of: $0, models) == .ready }.map {
            Balancer.tier(of: $0.runner.machineType, among: preferred)
        }
        guard let best = tiers.min() else { return 0 }
        return tiers.count { $0 == best }
    }

    private static func state(of status: SchedulerSnapshot.RunnerStatus, _ models: Set<ModelID>) -> ModelList.State {
        switch status.state {
        case .ready: status.loaded.isDisjoint(with: models) ? .loadable : .ready
        case .waking, .checking, .loading: .waking
        case .asleep, .wakeFailed: .asleep
        case .unknown, .down, .lost: .down
        }
    }
}
