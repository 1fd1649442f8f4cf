import Foundation
import Scheduling
import SimpleAICore

/// `GET /v1/models`: what this caller may ask for, sleeping machines included. Made from memory, so no machine can
/// delay it.
struct ModelList {
    /// How soon a model can serve; from best to worst.
    enum State: String, CaseIterable { case ready, loadable, waking, asleep, down }

    struct Entry: Hashable {
        var id: String
        var state: State
        /// Nil where settings hide runners from this caller.
        var runnersReady: Int?
        var wakeETA: Duration?
        /// In tokens; nil where no engine states it.
        var contextLength: Int?
        var classes: [ClassName]

        var json: String {
            var fields = [
                "\"id\":\(JSONString.encode(id))", "\"object\":\"model\"", "\"created\":\(ModelList.created)",
                "\"owned_by\":\"simpleai\"", "\"state\":\"\(state.rawValue)\"",
            ]
            if let runnersReady { fields.append("\"runners_ready\":\(runnersReady)") }
            if let wakeETA {
                fields.append("\"wake_eta_seconds\":\((wakeETA.wholeMilliseconds + 999) / 1000)")
            }
            // Clients look under either name.
            if let contextLength {
                fields.append("\"context_length\":\(contextLength),\"max_model_len\":\(contextLength)")
            }
            let classes = classes.map { JSONString.encode($0.rawValue) }.joined(separator: ",")
            fields.append("\"classes\":[\(classes)]")
            return "{\(fields.joined(separator: ","))}"
        }
    }

    /// Seconds since 1970. Clients expect a number; when a model was made nobody tells us, so it is when we began to
    /// offer it: at the start of this process.
    static let created = Int(Date().timeIntervalSince1970)

    let entries: [Entry]

    init(
        _ fleet: SchedulerSnapshot, contextLengths: [RunnerID: ContextLengths.Stated] = [:], classes: ClassTable,
        policy: AccessPolicy, caller: Caller, showsRunners: Bool
    ) {
        let known = Set(fleet.runners.flatMap(\.models.keys)).union(classes.classes.flatMap(\.models))
        let classEntries = classes.classes.filter { policy.mayList(class: $0.name, by: caller) }.map { modelClass in
            Self.entry(
                "class:\(modelClass.name)", serving: Set(modelClass.models), classes: [modelClass.name],
                preferred: modelClass.preferredMachineTypes, fleet, contextLengths, showsRunners)
        }
        let modelEntries = known.sorted().filter { policy.mayList($0, by: caller) }.map { model in
            Self.entry(
                model.rawValue, serving: [model],
                classes: classes.names(of: model).filter { policy.mayList(class: $0, by: caller) }, preferred: [],
                fleet, contextLengths, showsRunners)
        }
        entries = classEntries + modelEntries
    }

    var json: String {
        "{\"object\":\"list\",\"data\":[\(entries.map(\.json).joined(separator: ","))]}"
    }

    private static func entry(
        _ id: String, serving models: Set<ModelID>, classes: [ClassName], preferred: [MachineType],
        _ fleet: SchedulerSnapshot, _ contextLengths: [RunnerID: ContextLengths.Stated], _ showsRunners: Bool
    ) -> Entry {
        let serving = fleet.runners.filter { status in status.models.keys.contains { models.contains($0) } }
        let state =
            serving.map { Self.state(of: $0, models) }.min { left, right in
                (State.allCases.firstIndex(of: left) ?? 0) < (State.allCases.firstIndex(of: right) ?? 0)
            } ?? .down
        let eta = state == .asleep || state == .waking ? serving.compactMap(\.wakeETA).min() : nil
        return Entry(
            id: id, state: state,
            runnersReady: showsRunners ? readyInBestTier(serving, models, preferred) : nil, wakeETA: eta,
            contextLength: contextLength(serving, models, contextLengths), classes: classes)
    }

    /// The shortest of all that may serve the call, since any of them may.
    private static func contextLength(
        _ serving: [SchedulerSnapshot.RunnerStatus], _ models: Set<ModelID>,
        _ stated: [RunnerID: ContextLengths.Stated]
    ) -> Int? {
        serving.lazy.compactMap { status -> Int? in
            guard let lengths = stated[status.runner.id] else { return nil }
            return status.models.lazy.filter { models.contains($0.key) }.compactMap { lengths[$0.value] }.min()
        }.min()
    }

    /// Runners that are able to serve now, in the preferred tier that has any.
    private static func readyInBestTier(
        _ serving: [SchedulerSnapshot.RunnerStatus], _ models: Set<ModelID>, _ preferred: [MachineType]
    ) -> Int {
        let tiers = serving.filter { state(of: $0, models) == .ready }.map {
            Balancer.tier(of: $0.runner.machineType, among: preferred)
        }
        guard let best = tiers.min() else { return 0 }
        return tiers.count { $0 == best }
    }

    private static func state(of status: SchedulerSnapshot.RunnerStatus, _ models: Set<ModelID>) -> State {
        switch status.state {
        case .ready: status.loaded.isDisjoint(with: models) ? .loadable : .ready
        case .waking, .checking, .loading: .waking
        case .asleep, .wakeFailed: .asleep
        case .unknown, .down, .lost: .down
        }
    }
}
