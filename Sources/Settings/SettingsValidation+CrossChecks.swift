import OperatingSystem
import SimpleAICore

/// Warnings about settings that work as written but are probably not intended.
extension SettingsValidation {
    func checkAcrossSections() {
        for (index, runner) in settings.runners.enumerated() {
            let path = SettingsPath.root["runners"][index]
            checkAPIPath(of: runner, at: path["url"])
            checkProgram(runner.wake?.command, at: path["wake"]["command"])
            checkProgram(runner.sleep?.command, at: path["sleep"]["command"])
        }
        checkWakeRoles()
        checkListeningAddress()
    }

    /// Warns about a URL with an API path, which the gateway appends itself.
    private func checkAPIPath(of runner: Settings.StaticRunner, at path: SettingsPath) {
        guard let base = Self.withoutAPIPath(runner.url) else { return }
        warning("ends in an API path, which the gateway adds itself; use \(base)", at: path)
    }

    /// The base URL of the engine; nil if `url` does not end in an API path.
    static func withoutAPIPath(_ url: String) -> String? {
        let endings = [
            "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/models", "/v1/messages",
            "/chat/completions", "/api/chat", "/api/generate", "/api/tags", "/api/v0", "/api", "/models",
        ]
        return endings.first { url.hasSuffix($0) }.map { String(url.dropLast($0.count)) }
    }

    private func checkProgram(_ command: [String]?, at path: SettingsPath) {
        guard let program = command?.first, Self.isMissing(program) else { return }
        warning(Self.missing(program), at: path)
    }

    /// Whether this machine has no executable program of that name.
    static func isMissing(_ program: String) -> Bool {
        ExecutableFile.path(of: program, searchPath: ExecutableFile.searchPath) == nil
    }

    static func missing(_ program: String) -> String {
        "the program \(quoted(program)) does not exist or is not executable; install it or fix the path"
    }

    /// Warns about a role that is listed in `wake.roles` but in no policy, so that it grants no calls.
    private func checkWakeRoles() {
        let roles = RoleNames(policiesOf: settings)
        for role in settings.wake.roles.sorted() where !roles.isEffective(role) {
            warning(
                "no policy lists the role \(quoted(role.rawValue)), so its callers may use no model; ",
                at: .root["wake"]["roles"]
            ) {
                roles.nearest(to: role).map { "did you mean \($0)?" } ?? "add it to a policy's roles"
            }
        }
    }

    /// Warns if agents on other machines cannot connect, because the gateway listens on loopback without a proxy.
    private func checkListeningAddress() {
        guard settings.fleet.acceptsAgents, HostName.isLoopback(settings.server.host),
            settings.server.trustedProxies.isEmpty, settings.auth.mode != .none
        else { return }
        warning(
            "\(settings.server.host) is reachable from this machine only, so agents on other machines cannot join; "
                + "use 0.0.0.0, or list this machine's proxy in server.trusted_proxies",
            at: .root["server"]["host"])
    }
}
