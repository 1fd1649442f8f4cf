import SimpleAICore

extension CallLimits: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("requests_per_minute", .callRate, into: &requestsPerMinute)
        table.read("concurrent_calls", .callRate, into: &concurrentCalls)
        table.read("tokens_per_day", .tokenRate, into: &tokensPerDay)
    }
}

extension GrantedLimits {
    /// The `limits` of a policy; all keys are optional.
    init(from table: inout SettingsTable) {
        self.init()
        table.section("limits") {
            requestsPerMinute = $0.read("requests_per_minute", .callRate)
            concurrentCalls = $0.read("concurrent_calls", .callRate)
            tokensPerDay = $0.read("tokens_per_day", .tokenRate)
        }
    }
}

extension SettingsKind where Value == Int {
    fileprivate static var callRate: Self { .integer(0...1_000_000) }
    fileprivate static var tokenRate: Self { .integer(0...10_000_000_000) }
}
