/// What callers may do, as the settings state it: one immutable snapshot, which both planes apply.
package final class AccessRules: Sendable {
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
    package let aliases: ModelAliases
    package let parameters: ParameterTable

    package init(
        classes: ClassTable, policy: AccessPolicy, limits: LimitRules, proxies: TrustedProxies,
        origins: AllowedOrigins, exposure: RunnerExposure, permissionDeniedStatus: Int, aliases: ModelAliases,
        parameters: ParameterTable
    ) {
        self.aliases = aliases
        self.parameters = parameters
        self.classes = classes
        self.policy = policy
        self.limits = limits
        self.proxies = proxies
        self.origins = origins
        self.exposure = exposure
        self.permissionDeniedStatus = permissionDeniedStatus
    }

    /// The call with the target of its alias. Class members count as models, even if no runner lists them now.
    /// - Parameter isListed: whether a runner lists a model of this id.
    package func resolve(_ call: Call, isListed: (ModelID) -> Bool) -> Call {
        call.resolved(by: aliases) { classes.contains($0) || isListed($0) }
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
