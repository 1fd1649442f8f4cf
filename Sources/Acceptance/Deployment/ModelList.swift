/// The response of `GET /v1/models`.
struct ModelList: Sendable {
    /// One entry: a model, or a class such as `class:fast`.
    struct Entry: Sendable, Hashable {
        let id: String
        /// `ready`, `loadable`, `asleep`, `waking`, `down`; nil if the deployment lists no states.
        let state: String?
        let classes: Set<String>
        let runnersReady: Int?
        let wakeETA: Double?
        /// The members of a class, if its own entry lists them.
        var members: Set<String> = []
        /// What the model can do, in lower case and without the prefix `/v1/` of paths; empty if the list does not state it.
        var capabilities: Set<String> = []

        /// Whether the model can serve chat completions, as far as the list states it.
        var servesChat: Bool {
            capabilities.isEmpty || !capabilities.isDisjoint(with: Endpoint.ModelKind.chat.capabilityNames)
        }

        /// Whether a machine that serves it is up. A deployment without states lists only models that it can serve.
        var isAwake: Bool {
            guard let state else { return (runnersReady ?? 1) > 0 }
            return state == "ready" || state == "loadable"
        }

        var isReady: Bool { state.map { $0 == "ready" } ?? isAwake }
    }

    let entries: [Entry]
    let exchange: Exchange

    /// - Throws: ``ResponseProblem`` if the response is not a model list.
    init(_ exchange: Exchange) throws(ResponseProblem) {
        guard exchange.isSuccess else {
            throw ResponseProblem("/v1/models returned status \(exchange.status)\(exchange.errorSummary)")
        }
        guard let json = exchange.json else {
            throw ResponseProblem("/v1/models returned \(exchange.contentName) instead of JSON")
        }
        guard let data = json["data"]?.array else {
            throw ResponseProblem("/v1/models returned JSON without the array `data`")
        }
        entries = data.compactMap(Entry.init)
        self.exchange = exchange
    }

    subscript(id: String) -> Entry? { entries.first { $0.id == id } }

    /// Entries that are models, not classes.
    var models: [Entry] { entries.filter { !$0.id.hasPrefix("class:") } }

    /// The models that can serve chat completions, as far as the list states it.
    var chatModels: [Entry] { models.filter(\.servesChat) }

    /// Names of the classes in the list, from their own entries or from a property of models.
    var classNames: Set<String> {
        entries.reduce(into: []) { names, entry in
            names.formUnion(entry.classes)
            if entry.id.hasPrefix("class:") { names.insert(String(entry.id.dropFirst(6))) }
        }
    }

    /// The models of a class; empty if the list does not state them.
    func members(ofClass name: String) -> Set<String> {
        Set(models.filter { $0.classes.contains(name) }.map(\.id)).union(self["class:\(name)"]?.members ?? [])
    }

    /// All entries that can serve `target`: the entry itself and, for a class, its members.
    func entries(serving target: String) -> [Entry] {
        guard let name = Self.className(target) else { return self[target].map { [$0] } ?? [] }
        return entries.filter { $0.id == target || (!$0.id.hasPrefix("class:") && $0.classes.contains(name)) }
    }

    /// `fast` for `class:fast`, nil for an exact id.
    static func className(_ target: String) -> String? {
        target.hasPrefix("class:") ? String(target.dropFirst(6)) : nil
    }

    /// Number of runners that can serve `target` now, if the list states it.
    func runnersReady(for target: String) -> Int? {
        if let own = self[target]?.runnersReady { return own }
        return entries(serving: target).compactMap(\.runnersReady).max()
    }

    /// The state of `target`, over all entries that can serve it.
    func state(of target: String) -> TargetState {
        let serving = entries(serving: target)
        if serving.isEmpty { return .absent }
        if serving.contains(where: \.isReady) { return .ready }
        if serving.contains(where: \.isAwake) { return .loadable }
        for state in [TargetState.waking, .asleep] where serving.contains(where: { $0.state == state.rawValue }) {
            return state
        }
        return .down
    }
}

extension ModelList.Entry {
    init?(_ json: JSONValue) {
        guard let id = json["id"]?.string, !id.isEmpty else { return nil }
        self.init(
            id: id, state: json["state"]?.string,
            classes: Set((json["classes"]?.array ?? []).compactMap(\.string)),
            runnersReady: json["runners_ready"]?.number.map { Int($0) },
            wakeETA: json["wake_eta_seconds"]?.number,
            members: id.hasPrefix("class:") ? Set((json["models"]?.array ?? []).compactMap(\.string)) : [],
            capabilities: Self.capabilities(json["capabilities"]))
    }

    /// Reads a list of names or, as some deployments have it, an object of flags.
    private static func capabilities(_ json: JSONValue?) -> Set<String> {
        let flags = json?.object?.filter { $0.value == .bool(true) }.map(\.key) ?? []
        let names = json?.array?.compactMap(\.string) ?? flags
        return Set(names.map { String($0.lowercased().trimmingPrefix("/v1/")) })
    }
}

/// The state of a target in the model list.
enum TargetState: String, Sendable {
    case absent, asleep, waking, down, loadable, ready

    /// No awake machine can serve it: the precondition for proving a wake.
    var isAsleep: Bool { self == .absent || self == .asleep }
}
