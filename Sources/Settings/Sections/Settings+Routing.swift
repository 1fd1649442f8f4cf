import SimpleAICore

extension Key where Owner == Settings {
    static var classes: Key {
        Key(
            "classes", \.classes, as: .names(placeholder: "NAME", .list(of: SettingsKind.model)),
            default: { _ in .object([]) },
            "Classes: named lists of models for the same purpose, in order of preference."
        ) { table, settings in
            settings.readClasses(from: &table)
        }
        .reporting { old, new, _ in old.classChanges(to: new) }
    }
}

extension Settings {
    fileprivate mutating func readClasses(from table: inout SettingsTable) {
        table.names(in: "classes") { table, name in
            let models = table.list(name, of: .model) ?? []
            if models.isEmpty, !table.hasProblem(at: name) {
                table.problem("has no models; list model ids, or remove the class", at: name)
            }
            classes.append(ModelClass(name: table.name(name, .className), models: models))
        }
    }

    fileprivate func classChanges(to new: Settings) -> [SettingsChange] {
        let names = (classes + new.classes).map(\.name).uniqued
        var changes: [SettingsChange] = names.compactMap { name in
            let (from, to) = (members(of: name), new.members(of: name))
            return from == to ? nil : SettingsChange("classes.\(name)", from: from, to: to)
        }
        let (old, order) = (classes.map(\.name), new.classes.map(\.name))
        if old != order, Set(old) == Set(order) {
            changes.append(
                SettingsChange(
                    "classes", from: old.map(\.rawValue).joined(separator: ", "),
                    to: order.map(\.rawValue).joined(separator: ", ")))
        }
        return changes
    }

    private func members(of name: ClassName) -> String? {
        classes.first { $0.name == name }?.models.map(\.rawValue).joined(separator: ", ")
    }
}

extension Settings.Routing: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "policy", \.policy, .choice(PlacementPolicy.allCases),
            "The policy for runners that can serve a call: least_busy (fewest calls per slot; ties in turn), round_robin "
                + "(in turn, regardless of load), or prefix_affinity (the runner that has served the beginning of the "
                + "conversation and has it in its prompt cache, unless its load exceeds its share by more than a quarter)."
        )
        Key(
            "classes", \.classes, as: .names(placeholder: "NAME", .section(Settings.ClassRouting.self)),
            default: { _ in .object([]) }, "How machines are chosen for the calls of one class."
        ) { table, routing in
            routing.readClasses(from: &table)
        }
        .reporting { old, new, prefix in
            let keys = Settings.ClassRouting.keys
            return (Array(old.classes.keys) + new.classes.keys).uniqued.sorted().flatMap { name in
                keys.flatMap { key in
                    key.changes(
                        old.classes[name] ?? .defaults, new.classes[name] ?? .defaults, "\(prefix)classes.\(name).")
                }
            }
        }
        Key.section("queue", "Calls that wait for a slot.") {
            Key(
                "length", \.queueLength, .integer(0...1_000_000),
                "The maximum number of waiting calls per set of models.")
            Key("timeout", \.queueTimeout, .duration(), "The maximum time that a call waits.")
        }
        Key.section("failover", "Moving calls to another runner.") {
            Key(
                "attempts", \.failoverAttempts, .integer(0...10),
                "The maximum number of moves of a call to another runner before its response begins.")
            Key(
                "after_send", \.afterSend, .choice([.staleOnly, .never, .always]),
                "Whether to retry if the connection fails after the request was sent: stale_only (once, if a kept-alive "
                    + "connection was already closed), never, or always (a request that crashes engines then reaches "
                    + "several).")
        }
        Key.section("ejection", "A runner that fails several calls in a row is ejected for a time.") {
            Key(
                "failures", \.ejectionFailures, .integer(0...1_000),
                "Consecutive failures that eject a runner; 0: never.")
            Key(
                "for", \.ejectionTime, .duration(),
                "The duration of the first ejection; longer after each failed trial.")
            Key(
                "max_share", \.ejectionMaxShare, .fraction(0...1),
                "The maximum share of runners that are ejected at the same time.")
        }
        Key.section("timeouts", \.timeouts, "Timeouts of requests to engines; 0s: none.")
    }

    private mutating func readClasses(from table: inout SettingsTable) {
        let keys = Settings.ClassRouting.keys
        table.names(in: "classes") { table, name in
            var ofClass = Settings.ClassRouting.defaults
            table.section(name) { ofClass.read(from: &$0, keys) }
            if ofClass.policy == policy { ofClass.policy = nil }
            classes[ClassName(name)] = ofClass
        }
    }

    /// Classes with at least one key.
    var classes: [ClassName: Settings.ClassRouting] {
        get {
            var classes: [ClassName: Settings.ClassRouting] = [:]
            for (name, policy) in policies { classes[name, default: .defaults].policy = policy }
            for (name, types) in prefer { classes[name, default: .defaults].prefer = types }
            for (name, machines) in speculativeWake { classes[name, default: .defaults].speculativeWake = machines }
            return classes
        }
        set {
            policies = newValue.compactMapValues(\.policy)
            prefer = newValue.mapValues(\.prefer).filter { !$1.isEmpty }
            speculativeWake = newValue.mapValues(\.speculativeWake).filter { !$1.isEmpty }
        }
    }
}

extension Settings {
    /// One entry of `routing.classes`.
    struct ClassRouting: Hashable, SettingsSection {
        /// Nil: the general policy.
        var policy: PlacementPolicy?
        var prefer: [String] = []
        var speculativeWake: [String] = []

        static var defaults: Self { .init() }

        static var keys: [Key<Self>] {
            Key(
                "policy", optional: \.policy, .choice(PlacementPolicy.allCases), defaultNote: "`routing.policy`",
                "The policy of this class.")
            Key(
                "prefer", list: \.prefer, of: .name("a machine type"),
                "Machine types (machine_type), best first: the next type serves when the first has no free slot.")
            Key(
                "speculative_wake", list: \.speculativeWake, of: .name("a machine's id or type"),
                "Machines (ids or machine types) to wake in addition: the first that is ready gets the call.")
        }
    }
}

extension Settings.Timeouts: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key("connect", \.connect, .duration(), "The time until the engine accepts the connection.")
        Key(
            "first_byte", \.firstByte, .duration(),
            "The time until the response begins; loading a large model takes long.")
        Key("gap", \.gap, .duration(), "The time between two pieces of a response.")
        Key("total", \.total, .duration(), "The time for the whole call.")
    }
}

extension Settings.Keepalive: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key("after", \.after, .duration(to: .seconds(300)), "The time until the first comment.")
        Key(
            "every", \.every, .duration(from: .milliseconds(100), to: .seconds(300)),
            "The interval of further comments.")
    }
}
