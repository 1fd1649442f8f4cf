public import SimpleAICore

/// The roles that settings name. A role that stands elsewhere, on an API key or in `wake.roles`, and that none of them is,
/// gives nothing to those who have it.
public struct RoleNames: Sendable {
    private let named: Set<Role>
    /// Whether a caller may do something whatever its roles are.
    private let servesEverybody: Bool

    /// The roles that give a right to call: those of policies, and the two that have a meaning of their own.
    init(policiesOf settings: Settings) {
        var named: Set<Role> = []
        for grant in settings.policies { named.formUnion(grant.roles ?? []) }
        for issuer in settings.auth.issuers { named.formUnion([issuer.adminRole, issuer.specificRole]) }
        self.named = named
        servesEverybody = settings.policies.isEmpty || settings.policies.contains { $0.roles == nil }
    }

    /// Every role that gives anything to the holder of an API key.
    /// - Parameter specificRole: the one by which a key asks for exact models, whatever issuers call theirs.
    public init(forKeysUnder settings: Settings, specificRole: Role) {
        var named = settings.wake.roles.union([specificRole])
        for grant in settings.policies { named.formUnion(grant.roles ?? []) }
        self.named = named
        servesEverybody = false
    }

    /// Whether the role gives a right to those who have it.
    public func hasMeaning(_ role: Role) -> Bool { servesEverybody || named.contains(role) }

    /// The role that was probably meant; nil if none is near.
    public func nearest(to role: Role) -> String? {
        Spelling.nearest(to: role.rawValue, among: named.sorted().map(\.rawValue))
    }
}
