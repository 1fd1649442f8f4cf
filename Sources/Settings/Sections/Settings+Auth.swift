import SimpleAICore

extension Settings.Auth: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("mode", .choice([.oidc, .none]), into: &mode)
        table.read("leeway", .duration(to: .seconds(600)), into: &leeway)
        table.read("failed_attempts_per_minute", .integer(0...1_000_000), into: &failedAttemptsPerMinute)
        table.tables("issuers") { table in
            // An invalid entry is kept, so that indices match the file.
            let url = table.required(
                "issuer", .issuerURL, "set the exact value of the `iss` claim of its tokens")
            var issuer = Settings.Issuer(issuer: url ?? "", audience: .oneOf([]))
            if url != nil { issuer.readTenants(from: &table) }
            issuer.read(from: &table)
            issuers.append(issuer)
        }
    }
}

extension Settings.Issuer: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        readAudience(from: &table)
        table.list("algorithms", of: .algorithm, into: &algorithms)
        table.read("token_type", .text, into: &tokenType)
        table.list("scopes", of: .name("a scope"), into: &scopes)
        table.list("authorized_parties", of: .name("an application"), into: &authorizedParties)
        table.section("refresh") {
            $0.read("every", .duration(from: .seconds(1)), into: &refreshInterval)
            $0.read("cooldown", .duration(from: .seconds(1)), into: &refreshCooldown)
        }
        readKeys(from: &table)
        readClaims(from: &table)
        table.section("tls") { $0.read("ca_file", .existingFile, into: &caFile) }
        if algorithms.isEmpty, !table.hasProblem(at: "algorithms") {
            table.problem("is empty; list at least one, such as RS256", at: "algorithms")
        }
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

    /// Reads the tenants of Entra ID. Its issuer for all tenants is a template that every tenant matches, so the
    /// settings must list the trusted tenants.
    fileprivate mutating func readTenants(from table: inout SettingsTable) {
        table.list("tenants", of: .tenant, into: &tenants)
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

    private mutating func readKeys(from table: inout SettingsTable) {
        let url = table.read("jwks_url", .documentURL) ?? ""
        let file = table.read("jwks_file", .existingFile) ?? ""
        switch (url.isEmpty, file.isEmpty) {
        case (true, true): keys = .discovery
        case (false, true): keys = .url(url)
        case (true, false): keys = .file(path: file)
        case (false, false):
            table.problem("conflicts with jwks_url; keep one of them", at: "jwks_file")
        }
        table.read("jwks_token_file", .existingFile, into: &jwksTokenFile)
        if !jwksTokenFile.isEmpty { checkTokenForKeys(in: table) }
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

    private mutating func readClaims(from table: inout SettingsTable) {
        if let written = table.claimPaths("role_claims") {
            roleClaims = written
            if roleClaims.isEmpty || roleClaims.contains(where: \.isEmpty), !table.hasProblem(at: "role_claims") {
                table.problem("is not a claim; use one such as realm_access.roles", at: "role_claims")
            }
        }
        if let written = table.claimPaths("subject_claims") {
            subjectClaims = written
            if !table.hasProblem(at: "subject_claims") { checkSubject(in: table) }
        }
        table.read("admin_role", .role, into: &adminRole)
        table.read("specific_role", .role, into: &specificRole)
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
    /// The id of an Entra ID tenant, in the form of the claim `tid`.
    fileprivate static var tenant: Self {
        .init("a tenant's id like 8eaef023-2b34-4da1-9baa-8bc8c9d6a490") { text throws(SettingsMismatch) in
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
        return .init(choice.example) { text throws(SettingsMismatch) in
            guard text != "none", !text.hasPrefix("HS") else {
                throw .init("\(text) lets every party that verifies tokens create them; use RS256 or ES256")
            }
            return try choice.read(text)
        }
    }
}
