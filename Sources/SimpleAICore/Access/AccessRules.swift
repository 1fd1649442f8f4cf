/// What callers may do, as the settings state it: one immutable snapshot, which both planes apply.
package struct AccessRules: Sendable {
    /// Which callers learn the runner of a call.
    package enum RunnerExposure: Sendable {
        case all, admin, none
    }

    package let classes: ClassTable
    package let policy: AccessPolicy
    package let limits: LimitRules
    package let proxies: TrustedProxies
    package let origins: AllowedOrigins
    package let exposure: RunnerExposure
    /// The status of `permissionDenied`: 403, or 400 for clients of older deployments.
    package let permissionDeniedStatus: Int

    package init(
        classes: ClassTable, policy: AccessPolicy, limits: LimitRules, proxies: TrustedProxies,
        origins: AllowedOrigins, exposure: RunnerExposure, permissionDeniedStatus: Int
    ) {
        self.classes = classes
        self.policy = policy
        self.limits = limits
        self.proxies = proxies
        self.origins = origins
        self.exposure = exposure
        self.permissionDeniedStatus = permissionDeniedStatus
    }

    /// Whether this caller may see which runner served its call.
    package func showsRunner(to caller: Caller?) -> Bool {
        switch exposure {
        case .all: true
        case .admin: caller?.isAdmin ?? false
        case .none: false
        }
    }

    /// The holder of a client's share of bounded resources; nil for a trusted proxy that states no client address,
    /// because it may stand for many clients.
    package func shareHolder(of client: IPAddress?) -> Peer? { proxies.trusts(client) ? nil : Peer(client) }
}
