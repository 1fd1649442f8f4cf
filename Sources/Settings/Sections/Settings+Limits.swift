import SimpleAICore

extension CallLimits: SettingsSection {
    static var defaults: Self { .none }

    static var keys: [Key<Self>] {
        Key(
            "requests_per_minute", \.requestsPerMinute, .callLimit,
            "Calls per minute; a burst may use all of them at once.")
        Key("concurrent_calls", \.concurrentCalls, .callLimit, "Calls in progress at the same time.")
        Key(
            "tokens_per_day", \.tokensPerDay, .tokenLimit,
            "Prompt and completion tokens per day; a burst may use all of them at once.")
    }
}

extension GrantedLimits: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "requests_per_minute", optional: \.requestsPerMinute, .callLimit, defaultNote: "the general limit",
            "Calls per minute; a burst may use all of them at once.")
        Key(
            "concurrent_calls", optional: \.concurrentCalls, .callLimit, defaultNote: "the general limit",
            "Calls in progress at the same time.")
        Key(
            "tokens_per_day", optional: \.tokensPerDay, .tokenLimit, defaultNote: "the general limit",
            "Prompt and completion tokens per day; a burst may use all of them at once.")
    }
}

extension SettingsKind where Value == Int {
    fileprivate static var callLimit: Self { .integer(0...1_000_000) }
    fileprivate static var tokenLimit: Self { .integer(0...10_000_000_000) }
}
