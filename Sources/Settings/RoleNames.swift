public import SimpleAICore

/// The roles that grant rights under the settings. Any other role, on an API key or in `wake.roles`, grants nothing.
public struct RoleNames: Sendable {
    private let named: Set<Role>
    /// Whether callers have rights regardless of their roles.
    private let servesAllRoles: Bool

    /// The roles that grant calls: the roles of policies, and the two privileged roles.
    init(policiesOf settings: Settings) {
        var named: Set<Role> = []
        for grant in settings.policies { named.formUnion(grant.roles ?? []) }
        for issuer in settings.auth.issuers { named.formUnion([issuer.adminRole, issuer.specificRole]) }
        self.named = named
        servesAllRoles = settings.policies.isEmpty || settings.policies.contains { $0.roles == nil }
    }

    /// Every role that grants anything to the holder of an API key.
    /// - Parameter specificRole: the role that allows a key to request exact models; issuers may have other names for it.
    public init(forKeysUnder settings: Settings, specificRole: Role) {
        var named = settings.wake.roles.union([specificRole])
        for grant in settings.policies { named.formUnion(grant.roles ?? []) }
        self.named = named
        servesAllRoles = false
    }

    /// Whether the role grants anything.
    public func isEffective(_ role: Role) -> Bool { servesAllRoles || named.contains(role) }

    /// The most similar role; nil if none is similar.
    public func nearest(to role: Role) -> String? {
        Spelling.nearest(to: role.rawValue, among: named.sorted().map(\.rawValue))
    }
}
