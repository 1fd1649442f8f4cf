import SimpleAICore

/// The root of the file: every section on one screen.
extension Settings: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key.section("server", \.server, "How clients reach the gateway.")
        Key.section("auth", \.auth, "Authentication.")
        Key.classes
        Key("default_class", \.defaultClass, .className, "The class of calls without `model`.")
        Key.section("routing", \.routing, "How the gateway chooses a machine.")
        // Before the runners, whose wake blocks take their defaults from it.
        Key.section("wake", \.wake, "Waking machines for calls that need them.")
        Key.runners
        Key.section("fleet", \.fleet, "Machines that register themselves through their agents.")
        Key.section("sleep", "Putting machines to sleep.") {
            Key(
                "after", \.sleep.after, .duration(),
                "The time without a call after which a machine is put to sleep; 0s: never.")
        }
        Key.section("keepalive", \.keepalive, "SSE comments for streams that wait for a machine.")
        Key.section("expose", "What responses reveal.") {
            Key(
                "runner", \.expose.runner, .choice([.all, .admin, .none]),
                "The callers whose response headers name the runner: all, admin or none.")
        }
        Key.section("models", "The names of models, and the parameters of their calls.") {
            Key(
                "show_members", \.models.showMembers, .flag,
                "Whether callers that may only request classes see the models of each class, in `models` of its entry in "
                    + "the list.")
            Key.modelAliases
            Key.modelParameters
        }
        Key.section("errors", "Error responses.") {
            Key(
                "permission_denied_status", \.errors.permissionDeniedStatus, .oneOf([403, 400]),
                "The status for denied permissions: 403, or 400 for clients of older deployments.")
        }
        Key.section("metrics", "The metrics for Prometheus.") {
            Key.secret(
                "token", \.metrics.token, .token,
                "The bearer token that Prometheus sends to read /metrics; empty: only this machine may read them.")
        }
        Key(
            "policies", \.policies, as: .sections(PolicyEntry.self), default: { _ in .array([]) },
            shown: { "\($0.count)" },
            "What roles permit: classes by name and models by id, with * for any characters and ? for one."
        ) { table, settings in
            settings.readPolicies(from: &table)
        }
        Key.section("limits", "Limits; 0: unlimited.") {
            Key.section("caller", \.limits.caller, "For each caller.")
            Key.section("address", \.limits.address, "For each address, over all of its callers.")
        }
        Key.section("keys", "API keys.") {
            Key(
                "database", \.keys.database, .path, reload: .restart,
                "The database of API keys (`simpleai keys`); created with the first key.")
        }
        Key.section("log", "The log of the gateway.") {
            Key.lifted(\.log, Log.keys)
            Key(
                "access", \.log.access, .choice([.all, .errors, .none]),
                "Calls that write a line: all, errors (status 400 and above) or none.")
        }
    }
}

/// The keys that the gateway and the runner agent have in common.
extension Settings.Log: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "level", \.level, .choice(Level.allCases), reload: .restart,
            "The lowest level that is logged: trace, debug, info, notice, warning, error or critical.")
        Key(
            "format", \.format, .choice([.text, .json]), reload: .restart,
            "The form of a line: text (key=value pairs, values of several words as JSON strings) or json (one object per line)."
        )
    }
}

/// The keys that the gateway's runners and the runner agent have in common.
extension Settings.TLS: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key("verify", \.verify, .flag, "Whether to verify the certificate.")
        Key("ca_file", \.caFile, .existingFile, "The certificate authority to verify it with.")
    }
}
