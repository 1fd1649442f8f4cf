import SimpleAICore

extension CallLimits: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("requests_per_minute", .callLimit, into: &requestsPerMinute)
        table.read("concurrent_calls", .callLimit, into: &concurrentCalls)
        table.read("tokens_per_day", .tokenLimit, into: &tokensPerDay)
    }
}

extension GrantedLimits {
    /// The `limits` of a policy; all keys are optional.
    init(from table: inout SettingsTable) {
        self.init()
        table.section("limits") {
            requestsPerMinute = $0.read("requests_per_minute", .callLimit)
            concurrentCalls = $0.read("concurrent_calls", .callLimit)
            tokensPerDay = $0.read("tokens_per_day", .tokenLimit)
        }
    }
}

extension SettingsKind where Value == Int {
    fileprivate static var callLimit: Self { .integer(0...1_000_000) }
    fileprivate static var tokenLimit: Self { .integer(0...10_000_000_000) }
}
