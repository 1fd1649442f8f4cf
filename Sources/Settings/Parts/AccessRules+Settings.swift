package import SimpleAICore

extension AccessRules {
    package convenience init(_ settings: Settings) {
        let classes = ClassTable(settings)
        let exposure: RunnerExposure =
            switch settings.expose.runner {
            case .all: .all
            case .admin: .admin
            case .none: .none
            }
        self.init(
            classes: classes,
            policy: AccessPolicy(
                classes: classes, wakeRoles: settings.wake.roles, showsMembers: settings.models.showMembers,
                exactPlacementPolicy: settings.routing.policy, grants: settings.policies,
                privilegedRoles: PrivilegedRoles(settings.auth)),
            limits: LimitRules(
                caller: settings.limits.caller, address: settings.limits.address, grants: settings.policies),
            proxies: TrustedProxies(settings.server.trustedProxies),
            origins: AllowedOrigins(settings.server.corsOrigins),
            exposure: exposure, permissionDeniedStatus: settings.errors.permissionDeniedStatus,
            aliases: ModelAliases(settings.models.aliases), parameters: ParameterTable(settings.models.parameters))
    }
}

extension PrivilegedRoles {
    /// The roles of all issuers; those of API keys if there is no issuer.
    init(_ settings: Settings.Auth) {
        guard !settings.issuers.isEmpty else {
            self.init(administration: [APIKeyRoles.administration], specificModels: [APIKeyRoles.specificModels])
            return
        }
        self.init(
            administration: Set(settings.issuers.map(\.adminRole)),
            specificModels: Set(settings.issuers.map(\.specificRole)))
    }
}
