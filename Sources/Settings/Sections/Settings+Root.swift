import SimpleAICore

/// The root of the file: every section on one screen, in the file's order.
extension Settings: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.section("server", into: &server)
        table.section("auth", into: &auth)
        readClasses(from: &table)
        table.section("routing", into: &routing)
        // Before the runners, whose wake blocks take their defaults from it.
        table.section("wake", into: &wake)
        readRunners(from: &table)
        table.section("fleet", into: &fleet)
        table.section("sleep") { $0.read("after", .duration(), into: &sleep.after) }
        table.section("keepalive", into: &keepalive)
        table.section("expose") { $0.read("runner", .choice([.all, .admin, .none]), into: &expose.runner) }
        table.section("models") { $0.read("show_members", .flag, into: &models.showMembers) }
        table.section("errors") {
            $0.read("permission_denied_status", .oneOf([403, 400]), into: &errors.permissionDeniedStatus)
        }
        table.section("metrics") { $0.secret("token", .token, into: &metrics.token) }
        readPolicies(from: &table)
        table.section("limits") {
            $0.section("caller", into: &limits.caller)
            $0.section("address", into: &limits.address)
        }
        table.section("keys") { $0.read("database", .text, into: &keys.database) }
        table.section("log") {
            log.read(from: &$0)
            $0.read("access", .choice([.all, .errors, .none]), into: &log.access)
        }
    }
}

/// The keys that the gateway and the runner agent have in common.
extension Settings.Log: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("level", .choice(Level.allCases), into: &level)
        table.read("format", .choice([.text, .json]), into: &format)
    }
}
