import SimpleAICore

extension Settings {
    mutating func readPolicies(from table: inout SettingsTable) {
        table.tables("policies") { table in
            let written = table.oneOrMore("roles", .role)
            if table.lacks("roles") {
                table.problem("is required; list the roles this applies to, or `*` for every caller", at: "roles")
            } else if written?.isEmpty ?? false, !table.hasProblem(at: "roles") {
                table.problem("is empty; list the roles this applies to, or `*` for every caller", at: "roles")
            }
            let roles = Set(written ?? [])
            let isForAllRoles = roles.contains("*")
            if isForAllRoles, roles.count > 1 {
                table.problem("lists `*` with other values; use `*` alone or remove it", at: "roles")
            }
            var mayWake = true
            let classes = table.oneOrMore("classes", .name("a class")) ?? []
            let models = table.oneOrMore("models", .name("a model")) ?? []
            table.read("wake", .flag, into: &mayWake)
            var priority = Priority.normal.level
            table.read("priority", .integer(Priority.levels), into: &priority)
            let limits = GrantedLimits(from: &table)
            if classes.isEmpty, models.isEmpty, !table.hasProblem(at: "classes"), !table.hasProblem(at: "models") {
                table.problem("grants nothing; list classes or models, for example classes: [fast]")
            }
            policies.append(
                AccessGrant(
                    roles: isForAllRoles ? nil : roles, classes: classes.map { NamePattern($0) },
                    models: models.map { NamePattern($0) }, mayWake: mayWake, priority: Priority(level: priority),
                    limits: limits))
        }
    }
}
