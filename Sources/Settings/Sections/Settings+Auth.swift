import SimpleAICore

extension Settings.Auth: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "mode", \.mode, .choice([.oidc, .none]), reload: .restart,
            "oidc: tokens are required; none: no credentials are checked, which is possible on 127.0.0.1 only.")
        Key(
            "leeway", \.leeway, .duration(to: .seconds(600)), reload: .restart,
            "The tolerated difference between the issuers' clocks and this one.")
        Key(
            "failed_attempts_per_minute", \.failedAttemptsPerMinute, .integer(0...1_000_000), reload: .restart,
            "The maximum number of invalid tokens from one address per minute; after that the address receives 429 for "
                + "them.")
        Key(
            "issuers", \.issuers, as: .sections(Settings.Issuer.self), default: { _ in .array([]) }, reload: .restart,
            shown: { $0.map(\.issuer).joined(separator: ", ") },
            "The issuers whose tokens are accepted; mode oidc needs at least one."
        ) { table, auth in
            let keys = Settings.Issuer.keys
            table.tables("issuers") { table in
                // An invalid entry is kept, so that indices match the file.
                var issuer = Settings.Issuer.defaults
                issuer.read(from: &table, keys)
                auth.issuers.append(issuer)
            }
        }
    }
}

extension Settings.Issuer: SettingsSection {
    static var defaults: Self { .init(issuer: "", audience: .oneOf([])) }

    static var keys: [Key<Self>] {
        Key(
            "issuer", \.issuer, .issuerURL, required: "set the exact value of the `iss` claim of its tokens",
            reload: .restart, "The issuer's URL, exactly as in the claim `iss` of its tokens.")
        Key(
            "tenants", list: \.tenants, of: .tenant, reload: .restart,
            "For Microsoft Entra ID with several tenants: the ids of the accepted tenants.")
        Key(
            "audience", \.audience, as: .oneOrMore(SettingsKind<String>.name("an audience")), isRequired: true,
            reload: .restart,
            "The required claim `aud`: one value or a list."
        ) { table, issuer in
            issuer.readAudience(from: &table)
        }
        Key(
            "algorithms", list: \.algorithms, of: .algorithm, reload: .restart,
            "For keys that declare no algorithm: the accepted algorithms.")
        Key(
            "token_type", \.tokenType, .text, reload: .restart,
            "The required `typ` of the token's header, such as at+jwt; empty: any.")
        Key(
            "scopes", list: \.scopes, of: .name("a scope"), reload: .restart,
            "Scopes that a token must have, all of these.")
        Key(
            "authorized_parties", list: \.authorizedParties, of: .name("an application"), reload: .restart,
            "Accepted applications: the first of the claims `azp`, `client_id`, `appid` and `cid`.")
        Key.section("refresh", "When the issuer's keys are fetched.") {
            Key(
                "every", \.refreshInterval, .duration(from: .seconds(1)), reload: .restart,
                "The interval at which the issuer's keys are fetched.")
            Key(
                "cooldown", \.refreshCooldown, .duration(from: .seconds(1)), reload: .restart,
                "A token of an unknown key causes an immediate fetch, but at most five per cooldown, however many such "
                    + "tokens arrive.")
        }
        Key(
            "jwks_url", \.keys, as: .value(SettingsKind.documentURL), default: { _ in .string("") }, reload: .restart,
            "The URL of the keys, if the issuer does not support discovery."
        ) { table, issuer in
            issuer.readKeySet(from: &table)
        }
        Key.companion(
            "jwks_file", as: .value(SettingsKind<String>.existingFile), default: .string(""), reload: .restart,
            "A file with the keys, if the issuer does not support discovery.")
        Key(
            "jwks_token_file", \.jwksTokenFile, .existingFile, reload: .restart,
            "A file with a bearer token for issuers that require one for their keys, as Kubernetes does.")
        Key(
            "role_claims", \.roleClaims, as: .claims, default: { .array($0.map(\.json)) }, reload: .restart,
            "The claims that contain roles: dotted paths, or lists of keys where a key contains a dot."
        ) { table, issuer in
            if let written = table.claimPaths("role_claims") { issuer.roleClaims = written }
        }
        Key(
            "subject_claims", \.subjectClaims, as: .claims, default: { .array($0.map(\.json)) }, reload: .restart,
            "The claims that identify the caller; the first one present is used, such as [sub, client_id]."
        ) { table, issuer in
            if let written = table.claimPaths("subject_claims") { issuer.subjectClaims = written }
        }
        Key("admin_role", \.adminRole, .role, reload: .restart, "The role that permits everything.")
        Key(
            "specific_role", \.specificRole, .role, reload: .restart,
            "The role that permits requests for exact model ids.")
        Key.section("tls", "The issuer's TLS certificate.") {
            Key(
                "ca_file", \.caFile, .existingFile, reload: .restart,
                "A PEM file with the certificate authorities for the issuer's TLS certificate; empty: those of "
                    + "SSL_CERT_FILE, or of the system.")
        }
    }

    func check(in table: SettingsTable) {
        if !issuer.isEmpty { checkTenants(in: table) }
        if algorithms.isEmpty, !table.hasProblem(at: "algorithms") {
            table.problem("is empty; list at least one, such as RS256", at: "algorithms")
        }
        if !jwksTokenFile.isEmpty {
            checkTokenForKeys(in: table)
            table.warnIfWorldReadable(jwksTokenFile, at: "jwks_token_file")
        }
        if roleClaims.isEmpty || roleClaims.contains(where: \.isEmpty), !table.hasProblem(at: "role_claims") {
            table.problem("is not a claim; use one such as realm_access.roles", at: "role_claims")
        }
        if !table.hasProblem(at: "subject_claims") { checkSubject(in: table) }
    }

    private mutating func readAudience(from table: inout SettingsTable) {
        let advice = "set the audience of your tokens, or `any` to accept every token of this issuer"
        let written = table.oneOrMore("audience", .name("an audience"))
        if table.lacks("audience") { table.problem("is required; \(advice)", at: "audience") }
        guard let written, !table.hasProblem(at: "audience") else { return }
        if written == ["any"] {
            audience = .any
            let accepted =
                table.hasValue("authorized_parties")
                ? "every token of these authorized_parties, for any audience; set the audience unless this "
                    + "issuer's tokens have none (Cognito)"
                : "every token of this issuer, including those for other applications; set the audience unless "
                    + "no other application uses it"
            table.warning("any accepts \(accepted)", at: "audience")
        } else if written.contains("any") {
            table.problem("lists `any` with other values; use `any` alone or remove it", at: "audience")
        } else if written.isEmpty {
            table.problem("is empty; \(advice)", at: "audience")
        } else {
            audience = .oneOf(written)
        }
    }

    /// Checks the tenants of Entra ID. Its issuer for all tenants is a template that every tenant matches, so the
    /// settings must list the trusted tenants.
    private func checkTenants(in table: SettingsTable) {
        let parts = issuer.split(separator: Self.tenantPlaceholder, omittingEmptySubsequences: false)
        let isTemplate = parts.count == 2 && parts[0].hasSuffix("/") && (parts[1].isEmpty || parts[1].hasPrefix("/"))
        if let alias = Self.aliasOfTenants(in: issuer) {
            table.problem(
                "\(alias) never occurs in a token, which names its own tenant; use "
                    + "\(issuer.replacing("/\(alias)", with: "/" + Self.tenantPlaceholder)) and list your tenants' ids as "
                    + "tenants", at: "issuer")
        } else if issuer.contains("{") || issuer.contains("}"), !isTemplate {
            table.problem(
                "has braces; only \(Self.tenantPlaceholder) is allowed, once, between slashes", at: "issuer")
        } else if isTemplate, tenants.isEmpty, !table.hasProblem(at: "tenants") {
            table.problem(
                "is required with \(Self.tenantPlaceholder), which accepts tokens of every tenant; list the ids of "
                    + "trusted tenants", at: "tenants")
        } else if !isTemplate, !tenants.isEmpty {
            table.problem(
                "requires an issuer with \(Self.tenantPlaceholder) in place of the tenant's id; change the issuer, or "
                    + "remove tenants", at: "tenants")
        }
    }

    /// Entra ID's alias for many tenants, if it is the first component of the issuer's path.
    private static func aliasOfTenants(in issuer: String) -> String? {
        guard let address = try? WebAddress(issuer, allowingQuery: false),
            ["login.microsoftonline.com", "login.microsoftonline.us", "sts.windows.net"]
                .contains(where: address.host.lowercased().isExactly)
        else { return nil }
        let first = address.path.split(separator: "/").first.map(String.init) ?? ""
        return ["common", "organizations", "consumers"].first(where: first.isExactly)
    }

    private mutating func readKeySet(from table: inout SettingsTable) {
        let url = table.read("jwks_url", .documentURL) ?? ""
        let file = table.read("jwks_file", .existingFile) ?? ""
        switch (url.isEmpty, file.isEmpty) {
        case (true, true): keys = .discovery
        case (false, true): keys = .url(url)
        case (true, false): keys = .file(path: file)
        case (false, false):
            table.problem("conflicts with jwks_url; keep one of them", at: "jwks_file")
        }
    }

    private func checkTokenForKeys(in table: SettingsTable) {
        let (address, key) =
            switch keys {
            case .discovery: (issuer, "issuer")
            case .url(let url): (url, "jwks_url")
            case .file: ("", "jwks_file")
            }
        if address.isEmpty {
            table.problem("is ignored, because the keys come from a file; remove one of them", at: "jwks_token_file")
        } else if (try? WebAddress(address, allowingQuery: true))?.isPlaintextToRemoteHost ?? false {
            table.problem(
                "would be sent in plain text, because \(key) lacks TLS; use https, or remove the token",
                at: "jwks_token_file")
        }
    }

    private func checkSubject(in table: SettingsTable) {
        if subjectClaims.isEmpty || subjectClaims.contains(where: \.isEmpty) {
            return table.problem("is not a claim; use [sub], or several such as [sub, client_id]", at: "subject_claims")
        }
        for claim in subjectClaims {
            if case .memberNames = claim {
                table.problem(
                    "does not support `keys: true`; use the claim alone", at: "subject_claims")
            }
            // OpenID Connect Core 1.0 §5.7.
            if let name = claim.onlyKey, Self.reassignableClaims.contains(name) {
                table.warning(
                    "\(name) can be reassigned or chosen by the user, but limits and conversations are bound to it; "
                        + "use sub, or a claim that the provider never reassigns", at: "subject_claims")
            }
        }
    }

    private static let reassignableClaims: Set = [
        "email", "name", "nickname", "preferred_username", "unique_name", "upn", "username",
    ]
}

extension Settings.ClaimPath {
    /// As a settings file contains it.
    fileprivate var json: OrderedJSON {
        switch self {
        case .dotted(let text): .string(text)
        case .keys(let keys): .strings(keys)
        case .memberNames(let object): .object([.init("path", object.json), .init("keys", .boolean(true))])
        }
    }

    /// The name of the claim, if the path consists of a single key.
    fileprivate var onlyKey: String? {
        switch self {
        case .dotted(let name): name
        case .keys(let keys): keys.count == 1 ? keys[0] : nil
        case .memberNames: nil
        }
    }
}

extension SettingsKind where Value == String {
    private static var tenantPattern: String { "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" }

    /// The id of an Entra ID tenant, in the form of the claim `tid`.
    fileprivate static var tenant: Self {
        .init("a tenant's id like 8eaef023-2b34-4da1-9baa-8bc8c9d6a490", form: .pattern(tenantPattern)) {
            text throws(SettingsMismatch) in
            let groups = text.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8)
            let isID =
                groups.map(\.count) == [8, 4, 4, 4, 12]
                && groups.allSatisfy { group in
                    group.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
                }
            guard isID else {
                throw .init(
                    "\(quoted(text)) is not a tenant id; use the id in lower case, such as "
                        + "8eaef023-2b34-4da1-9baa-8bc8c9d6a490; domain names are not supported")
            }
            return text
        }
    }

    /// The signature algorithms of RFC 7518 and RFC 8037 that need no shared secret.
    static var algorithm: Self {
        let choice = SettingsKind.choice([
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
        ])
        return .init(choice.example, form: choice.form) { text throws(SettingsMismatch) in
            guard text != "none", !text.hasPrefix("HS") else {
                throw .init("\(text) lets every party that verifies tokens create them; use RS256 or ES256")
            }
            return try choice.read(text)
        }
    }
}
