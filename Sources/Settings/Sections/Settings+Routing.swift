import SimpleAICore

extension Settings {
    mutating func readClasses(from table: inout SettingsTable) {
        table.names(in: "classes") { table, name in
            let models = table.list(name, of: .model) ?? []
            if models.isEmpty, !table.hasProblem(at: name) {
                table.problem("has no models; list model ids, or remove the class", at: name)
            }
            classes.append(ModelClass(name: table.name(name, .className), models: models))
        }
        table.read("default_class", .className, into: &defaultClass)
    }
}

extension Settings.Routing: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("policy", .policy, into: &policy)
        table.names(in: "classes") { table, name in
            table.section(name) { table in
                var classPolicy = policy
                table.read("policy", .policy, into: &classPolicy)
                if classPolicy != policy { policies[ClassName(name)] = classPolicy }
                let types = table.list("prefer", of: .name("a machine type")) ?? []
                if !types.isEmpty { prefer[ClassName(name)] = types }
                let runners = table.list("speculative_wake", of: .name("a machine's id or type")) ?? []
                if !runners.isEmpty { speculativeWake[ClassName(name)] = runners }
            }
        }
        table.section("queue") {
            $0.read("length", .integer(0...1_000_000), into: &queueLength)
            $0.read("timeout", .duration(), into: &queueTimeout)
        }
        table.section("failover") {
            $0.read("attempts", .integer(0...10), into: &failoverAttempts)
            $0.read("after_send", .choice([.staleOnly, .never, .always]), into: &afterSend)
        }
        table.section("ejection") {
            $0.read("failures", .integer(0...1_000), into: &ejectionFailures)
            $0.read("for", .duration(), into: &ejectionTime)
            $0.read("max_share", .fraction(0...1), into: &ejectionMaxShare)
        }
        table.section("timeouts", into: &timeouts)
    }
}

extension Settings.Timeouts: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("connect", .duration(), into: &connect)
        table.read("first_byte", .duration(), into: &firstByte)
        table.read("gap", .duration(), into: &gap)
        table.read("total", .duration(), into: &total)
    }
}

extension Settings.Keepalive: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("after", .duration(to: .seconds(300)), into: &after)
        table.read("every", .duration(from: .milliseconds(100), to: .seconds(300)), into: &every)
    }
}

extension SettingsKind where Value == Settings.Policy {
    fileprivate static var policy: Self { .choice([.leastBusy, .roundRobin, .prefixAffinity]) }
}
