import SimpleAICore

/// A settings value in a report of changes: the value itself for comparison, and the text that may be shown.
struct EntryValue: Hashable {
    let value: AnyHashable
    let shown: String?

    init(_ value: some Hashable, shown: String?) {
        self.value = AnyHashable(value)
        self.shown = shown
    }

    init(_ value: some Hashable, isSecret: Bool = false) {
        self.init(value, shown: isSecret ? nil : Self.displayText(for: value))
    }

    private static func displayText(for value: some Hashable) -> String {
        switch value {
        case let duration as Duration: duration.written
        case let list as [String]: list.joined(separator: ", ")
        case let times as [Duration]: times.map(\.written).joined(separator: ", ")
        case let roles as Set<Role>: roles.map(\.rawValue).sorted().joined(separator: ", ")
        case let models as [ModelID]: models.map(\.rawValue).joined(separator: ", ")
        case let aliases as [ModelID: String]:
            aliases.map { "\($0.key): \($0.value)" }.sorted().joined(separator: ", ")
        default: "\(value)"
        }
    }
}

/// A settings key outside classes and runners: how its change is reported, and whether a running process can apply it.
/// `all` is the only table that decides this; guides/operation.md documents it.
struct SettingsEntry {
    let key: String
    /// Arguments: the old settings and the new ones.
    let needsRestart: (Settings, Settings) -> Bool
    let value: (Settings) -> EntryValue
    /// Copies the value from the first settings to the second.
    let copy: (Settings, inout Settings) -> Void

    static var all: [SettingsEntry] { server + authentication + calls + machines + operations }

    private static var server: [SettingsEntry] {
        [
            .init("server.host", \.server.host, needsRestart: true),
            .init("server.port", \.server.port, needsRestart: true),
            .init("server.event_loops", \.server.eventLoops, needsRestart: true),
            .init("server.max_connections", \.server.maxConnections, needsRestart: true),
            .tls,
            .init("server.drain", \.server.drain),
            .init("server.drain_notice", \.server.drainNotice),
            .init("server.max_body", \.server.maxBody),
            .init("server.max_buffered", \.server.maxBuffered),
            .init("server.max_response", \.server.maxResponse),
            .init("server.idle_timeout", \.server.idleTimeout),
            .init("server.max_headers", \.server.maxHeaders),
            .init("server.trusted_proxies", \.server.trustedProxies) { $0.map(\.description).joined(separator: ", ") },
            .init("server.cors.origins", \.server.corsOrigins),
        ]
    }

    private static var authentication: [SettingsEntry] {
        [
            .init("auth.mode", \.auth.mode, needsRestart: true),
            .init("auth.leeway", \.auth.leeway, needsRestart: true),
            .init(
                "auth.failed_attempts_per_minute", \.auth.failedAttemptsPerMinute, needsRestart: true),
            .init("keys.database", \.keys.database, needsRestart: true),
            .init("auth.issuers", \.auth.issuers, needsRestart: true) { $0.map(\.issuer).joined(separator: ", ") },
        ]
    }

    private static var calls: [SettingsEntry] {
        [
            .init("default_class", \.defaultClass),
            .init("policies", \.policies) { "\($0.count)" },
            .init("limits.caller.requests_per_minute", \.limits.caller.requestsPerMinute),
            .init("limits.caller.concurrent_calls", \.limits.caller.concurrentCalls),
            .init("limits.caller.tokens_per_day", \.limits.caller.tokensPerDay),
            .init("limits.address.requests_per_minute", \.limits.address.requestsPerMinute),
            .init("limits.address.concurrent_calls", \.limits.address.concurrentCalls),
            .init("limits.address.tokens_per_day", \.limits.address.tokensPerDay),
            .init("routing.policy", \.routing.policy, shown: \.rawValue),
            .init("routing.queue.length", \.routing.queueLength),
            .init("routing.queue.timeout", \.routing.queueTimeout),
            .init("routing.failover.attempts", \.routing.failoverAttempts),
            .init("routing.failover.after_send", \.routing.afterSend, shown: \.rawValue),
            .init("routing.ejection.failures", \.routing.ejectionFailures),
            .init("routing.ejection.for", \.routing.ejectionTime),
            .init("routing.ejection.max_share", \.routing.ejectionMaxShare),
            .init("routing.timeouts.connect", \.routing.timeouts.connect),
            .init("routing.timeouts.first_byte", \.routing.timeouts.firstByte),
            .init("routing.timeouts.gap", \.routing.timeouts.gap),
            .init("routing.timeouts.total", \.routing.timeouts.total),
            .init("keepalive.after", \.keepalive.after),
            .init("keepalive.every", \.keepalive.every),
        ]
    }

    private static var machines: [SettingsEntry] {
        [
            .init("fleet.token", \.fleet.token, isSecret: true),
            .init("fleet.tokens", \.fleet.tokens, isSecret: true),
            .init("fleet.allowed_hosts", \.fleet.allowedHosts),
            .init("fleet.runner_timeout", \.fleet.runnerTimeout, needsRestart: true),
            .init("fleet.grace", \.fleet.gracePeriod),
            .init("fleet.state_file", \.fleet.stateFile, needsRestart: true),
            .init("wake.enabled", \.wake.enabled),
            .init("wake.broadcast", \.wake.broadcast),
            .init("wake.port", \.wake.port),
            .init("wake.timeout", \.wake.timeout),
            .init("wake.schedule", \.wake.schedule),
            .init("wake.probe_every", \.wake.probeInterval),
            .init("wake.roles", \.wake.roles),
            .init("sleep.after", \.sleep.after),
        ]
    }

    private static var operations: [SettingsEntry] {
        [
            .init("expose.runner", \.expose.runner, shown: \.rawValue),
            .init("models.show_members", \.models.showMembers),
            .init("errors.permission_denied_status", \.errors.permissionDeniedStatus),
            .init("metrics.token", \.metrics.token, isSecret: true),
            .init("log.level", \.log.level, needsRestart: true, shown: \.rawValue),
            .init("log.format", \.log.format, needsRestart: true, shown: \.rawValue),
            .init("log.access", \.log.access, shown: \.rawValue),
        ]
    }

    /// A new certificate is applied at run time. Enabling or disabling TLS changes the protocol of the port, and so the
    /// URL that clients use; it needs a restart.
    private static var tls: SettingsEntry {
        SettingsEntry(
            key: "server.tls", needsRestart: { ($0.server.tls == nil) != ($1.server.tls == nil) },
            value: { EntryValue($0.server.tls, shown: $0.server.tls == nil ? "off" : nil) },
            copy: { $1.server.tls = $0.server.tls })
    }
}

extension SettingsEntry {
    fileprivate init<Value: Hashable>(
        _ key: String, _ path: WritableKeyPath<Settings, Value>, needsRestart: Bool = false, isSecret: Bool = false,
        shown: ((Value) -> String)? = nil
    ) {
        self.init(
            key: key, needsRestart: { _, _ in needsRestart },
            value: { settings in
                let value = settings[keyPath: path]
                return shown.map { EntryValue(value, shown: $0(value)) } ?? EntryValue(value, isSecret: isSecret)
            },
            copy: { $1[keyPath: path] = $0[keyPath: path] })
    }
}

/// A key of a runner; a running process can apply every change.
struct RunnerEntry {
    let key: String
    let value: (Settings.StaticRunner) -> EntryValue

    static var all: [RunnerEntry] {
        [
            .init(key: "url") { EntryValue($0.url) },
            .init(key: "models") { EntryValue($0.models) },
            .init(key: "aliases") { EntryValue($0.aliases) },
            .init(key: "slots") { EntryValue($0.slots) },
            .init(key: "weight") { EntryValue($0.weight) },
            .init(key: "machine_type") { EntryValue($0.machineType) },
            .init(key: "stream_usage") { EntryValue($0.streamUsage) },
            .init(key: "endpoints") {
                EntryValue(
                    $0.endpoints,
                    shown: $0.endpoints.isEmpty ? "learned" : $0.endpoints.map(\.name).joined(separator: ", "))
            },
            .init(key: "tls.verify") { EntryValue($0.tls.verify) },
            .init(key: "tls.ca_file") { EntryValue($0.tls.caFile) },
            .init(key: "api_key") { EntryValue($0.apiKey, isSecret: true) },
            .init(key: "headers") { EntryValue($0.headers, isSecret: true) },
            .init(key: "probe.path") { EntryValue($0.probe.path) },
            .init(key: "probe.every") { EntryValue($0.probe.every) },
            .init(key: "probe.timeout") { EntryValue($0.probe.timeout) },
            .init(key: "wake.mac") {
                EntryValue($0.wake?.macs, shown: $0.wake?.macs.map(\.description).joined(separator: ", "))
            },
            .init(key: "wake.broadcast") { EntryValue($0.wake?.broadcast, shown: $0.wake?.broadcast) },
            .init(key: "wake.port") { EntryValue($0.wake?.port, shown: $0.wake.map { "\($0.port)" }) },
            .init(key: "wake.secure_on") { EntryValue($0.wake?.secureOn, isSecret: true) },
            // The arguments of a wake command and the query of a web hook may contain a password.
            .init(key: "wake.command") { EntryValue($0.wake?.command, isSecret: true) },
            .init(key: "wake.http") { EntryValue($0.wake?.http, isSecret: true) },
            .init(key: "wake.relay") {
                EntryValue($0.wake?.relay, shown: $0.wake?.relay.map { "\($0.host):\($0.port)" })
            },
        ]
    }
}
