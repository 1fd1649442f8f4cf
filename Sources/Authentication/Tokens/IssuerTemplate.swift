import SimpleAICore

/// An issuer's name as settings and key sets state it. Microsoft Entra ID states one name for all of its tenants, with
/// `{tenantid}` in place of the tenant's id; all other names have no placeholder and match literally.
struct IssuerTemplate: Hashable, Sendable {
    private static let placeholder = "{tenantid}"

    private let prefix: ExactString
    /// The text after the placeholder; nil for a name without one.
    private let suffix: ExactString?

    init(_ text: String) {
        let parts = text.split(separator: Self.placeholder, maxSplits: 1, omittingEmptySubsequences: false)
        prefix = ExactString(String(parts.first ?? ""))
        suffix = parts.count == 2 ? ExactString(String(parts[1])) : nil
    }

    var text: String { name(with: Self.placeholder) }

    var hasPlaceholder: Bool { suffix != nil }

    /// The name with the placeholder replaced; the unchanged name if it has none.
    func name(with tenant: String) -> String {
        suffix.map { prefix.rawValue + tenant + $0.rawValue } ?? prefix.rawValue
    }

    /// Whether a token with this `iss` and `tid`, compared byte for byte, belongs to this issuer. A template matches no token
    /// without a tenant.
    func matches(issuer: String, tenant: String?) -> Bool {
        guard hasPlaceholder else { return prefix.rawValue.isExactly(issuer) }
        guard let tenant, !tenant.isEmpty else { return false }
        return name(with: tenant).isExactly(issuer)
    }

    func matches(_ claims: Claims) -> Bool { matches(issuer: claims.issuer.rawValue, tenant: claims.tenant) }

    // MARK: Keys

    /// The issuer of Entra ID's version 1 tokens. They are signed with the keys of version 2, whose key sets state the
    /// issuer of version 2.
    private static let versionOne = IssuerTemplate("https://sts.windows.net/{tenantid}/")
    private static let versionTwo = ["com", "us"].map {
        IssuerTemplate("https://login.microsoftonline.\($0)/{tenantid}/v2.0")
    }

    /// Whether a key with this issuer in its key set signs tokens with those claims.
    func signs(_ claims: Claims) -> Bool {
        if matches(claims) { return true }
        guard let tenant = claims.tenant, Self.versionOne.matches(claims) else { return false }
        return Self.versionTwo.contains { matches(issuer: $0.name(with: tenant), tenant: tenant) }
    }
}
