import SimpleAICore

extension Settings.Auth: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("mode", .choice([.oidc, .none]), into: &mode)
        table.read("leeway", .duration(to: .seconds(600)), into: &leeway)
        table.read("failed_attempts_per_minute", .integer(0...1_000_000), into: &failedAttemptsPerMinute)
        table.tables("issuers") { table in
            // An invalid entry keeps its place, so that indices match those of the file.
            let url = table.required(
                "issuer", .issuerURL, "write the URL that tokens name as `iss`, exactly as they write it")
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
            $0.read("every", .duration(from: .seconds(1)), into: &refreshEvery)
            $0.read("cooldown", .duration(from: .seconds(1)), into: &refreshCooldown)
        }
        readKeys(from: &table)
        readClaims(from: &table)
        table.section("tls") { $0.read("ca_file", .existingFile, into: &caFile) }
        if algorithms.isEmpty, !table.hasProblem(at: "algorithms") {
            table.problem("is empty; name at least one, such as RS256", at: "algorithms")
        }
    }

    private mutating func readAudience(from table: inout SettingsTable) {
        let mending = "write the audience of your tokens, or `any` to take every token of this issuer"
        let written = table.oneOrMore("audience", .name("an audience"))
        if table.lacks("audience") { table.problem("is required; \(mending)", at: "audience") }
        guard let written, !table.hasProblem(at: "audience") else { return }
        if written == ["any"] {
            audience = .any
            let taken =
                table.asksForSomething("authorized_parties")
                ? "every token of these authorized_parties, whatever it was issued for; name the audience unless this "
                    + "issuer's tokens have none (Cognito)"
                : "every token of this issuer, those meant for other applications too; name the audience unless "
                    + "nobody else uses it"
            table.warning("any takes \(taken)", at: "audience")
        } else if written.contains("any") {
            table.problem("lists `any` besides others; write `any` alone or leave it out", at: "audience")
        } else if written.isEmpty {
            table.problem("is empty; \(mending)", at: "audience")
        } else {
            audience = .oneOf(written)
        }
    }

    /// Entra ID: the discovery document of all tenants together states a template as the issuer, which everybody's tenant
    /// fits. So the tenants have to be named.
    fileprivate mutating func readTenants(from table: inout SettingsTable) {
        table.list("tenants", of: .tenant, into: &tenants)
        let parts = issuer.split(separator: Self.tenantPlaceholder, omittingEmptySubsequences: false)
        let isTemplate = parts.count == 2 && parts[0].hasSuffix("/") && (parts[1].isEmpty || parts[1].hasPrefix("/"))
        if let alias = Self.aliasOfTenants(in: issuer) {
            table.problem(
                "\(alias) is in no token: each names its own tenant; write "
                    + "\(issuer.replacing("/\(alias)", with: "/" + Self.tenantPlaceholder)) and list your tenants' ids as "
                    + "tenants", at: "issuer")
        } else if issuer.contains("{") || issuer.contains("}"), !isTemplate {
            table.problem(
                "has braces; only \(Self.tenantPlaceholder) has a meaning, once, between slashes", at: "issuer")
        } else if isTemplate, tenants.isEmpty, !table.hasProblem(at: "tenants") {
            table.problem(
                "is required beside \(Self.tenantPlaceholder), which tokens of every tenant of the world fit; list the ids of "
                    + "those that you trust", at: "tenants")
        } else if !isTemplate, !tenants.isEmpty {
            table.problem(
                "is for an issuer with \(Self.tenantPlaceholder) in the place of the tenant's id; write the issuer so, or "
                    + "remove tenants", at: "tenants")
        }
    }

    /// The first component of the path, where it is one of Entra ID's words for many tenants.
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
            table.problem("is given besides jwks_url; keep one of them", at: "jwks_file")
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
            table.problem("is not used, because the keys come from a file; remove one of them", at: "jwks_token_file")
        } else if (try? WebAddress(address, allowingQuery: true))?.isPlainBeyondLoopback ?? false {
            table.problem(
                "would travel in the open, because \(key) has no TLS; use https, or remove the token",
                at: "jwks_token_file")
        }
    }

    private mutating func readClaims(from table: inout SettingsTable) {
        if let written = table.claimPaths("role_claims") {
            roleClaims = written
            if roleClaims.isEmpty || roleClaims.contains(where: \.isEmpty), !table.hasProblem(at: "role_claims") {
                table.problem("names no claim; write one like realm_access.roles", at: "role_claims")
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
            return table.problem("names no claim; write [sub], or several like [sub, client_id]", at: "subject_claims")
        }
        for claim in subjectClaims {
            if case .memberNames = claim {
                table.problem(
                    "takes no `keys: true`: a caller has one name; write the claim alone", at: "subject_claims")
            }
            // OpenID Connect Core 1.0 §5.7.
            if let name = claim.onlyKey, Self.changingClaims.contains(name) {
                table.warning(
                    "\(name) may change hands or be chosen by its owner, and limits and conversations go by it; "
                        + "use sub, or a claim that the provider never gives to another", at: "subject_claims")
            }
        }
    }

    private static let changingClaims: Set = [
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
    /// The id of a tenant of Entra ID as `tid` has it.
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
                    "\(quoted(text)) is in no token; write the tenant's id, in lower case, like "
                        + "8eaef023-2b34-4da1-9baa-8bc8c9d6a490: names of domains are not compared")
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
                throw .init("\(text) lets anybody who can check a token make one; use RS256 or ES256")
            }
            return try choice.read(text)
        }
    }
}
