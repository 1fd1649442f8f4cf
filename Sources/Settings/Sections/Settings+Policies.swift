import SimpleAICore

/// One entry of `policies`, as written.
struct PolicyEntry: SettingsSection {
    var roles: [Role] = []
    var classes: [NamePattern] = []
    var models: [NamePattern] = []
    var mayWake = true
    var priority = Priority.normal.level
    var limits = GrantedLimits()

    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "roles", oneOrMore: \.roles, of: .role, isRequired: true,
            "The role or the list of roles that this applies to; \"*\": every caller.")
        Key(
            "classes", oneOrMore: \.classes, of: .pattern("a class"),
            "Classes that these callers may request, by name.")
        Key("models", oneOrMore: \.models, of: .pattern("a model"), "Models that these callers may request, by id.")
        Key(
            "wake", \.mayWake, .flag,
            "Whether these callers may wake machines; if wake.roles is set, they also need one of those roles.")
        Key(
            "priority", \.priority, .integer(Priority.levels),
            "The priority, from 0 to 4: while calls wait, each level gets twice the share of the one below.")
        Key.section(
            "limits", \.limits, "Replaces limits.caller for callers with these roles; omitted limits stay.")
    }

    func check(in table: SettingsTable) {
        if table.lacks("roles") {
            table.problem("is required; list the roles this applies to, or `*` for every caller", at: "roles")
        } else if roles.isEmpty, table.isReadable, !table.hasProblem(at: "roles") {
            table.problem("is empty; list the roles this applies to, or `*` for every caller", at: "roles")
        }
        if roles.contains("*"), Set(roles).count > 1 {
            table.problem("lists `*` with other values; use `*` alone or remove it", at: "roles")
        }
        if classes.isEmpty, models.isEmpty, !table.hasProblem(at: "classes"), !table.hasProblem(at: "models") {
            table.problem("grants nothing; list classes or models, for example classes: [fast]")
        }
    }

    var grant: AccessGrant {
        AccessGrant(
            roles: roles.contains("*") ? nil : Set(roles), classes: classes, models: models, mayWake: mayWake,
            priority: Priority(level: priority), limits: limits)
    }
}

extension Settings {
    mutating func readPolicies(from table: inout SettingsTable) {
        let keys = PolicyEntry.keys
        table.tables("policies") { table in
            var entry = PolicyEntry.defaults
            entry.read(from: &table, keys)
            policies.append(entry.grant)
        }
    }
}

extension SettingsKind where Value == NamePattern {
    fileprivate static func pattern(_ what: String) -> Self {
        SettingsKind<String>.name(what).map { NamePattern($0) }
    }
}
