public import SimpleAICore

/// The roles that settings name. Any other role, on an API key or in `wake.roles`,
/// grants nothing.
public struct RoleNames: Sendable {
    private let named: Set<Role>
    /// Whether callers are granted something regardless of their roles.
    private let servesAllRoles: Bool

    /// The roles that give a right to call: those of policies, and the two that have a meaning of their own.
    init(policiesOf settings: Settings) {
        var named: Set<Role> = []
        for grant in settings.policies { named.formUnion(grant.roles ?? []) }
        for issuer in settings.auth.issuers { named.formUnion([issuer.adminRole, issuer.specificRole]) }
        self.named = named
        servesAllRoles = settings.policies.isEmpty || settings.policies.contains { $0.roles == nil }
    }

    /// Every role that gives anything to the holder of an API key.
    /// - Parameter specificRole: the one by which a key asks for exact models, whatever issuers call theirs.
    public init(forKeysUnder settings: Settings, specificRole: Role) {
        var named = settings.wake.roles.union([specificRole])
        for grant in settings.policies { named.formUnion(grant.roles ?? []) }
        self.named = named
        servesAllRoles = false
    }

    /// Whether the role grants anything.
    public func hasMeaning(_ role: Role) -> Bool { servesAllRoles || named.contains(role) }

    /// The role that was probably meant; nil if none is near.
    public func nearest(to role: Role) -> String? {
        Spelling.nearest(to: role.rawValue, among: named.sorted().map(\.rawValue))
    }
}
