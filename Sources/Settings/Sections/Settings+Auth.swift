import SimpleAICore

extension Settings.Auth: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("mode", .choice([.oidc, .none]), into: &mode)
        table.read("leeway", .duration(to: .seconds(600)), into: &leeway)
        table.read("failed_attempts_per_minute", .integer(0...1_000_000), into: &failedAttemptsPerMinute)
        table.tables("issuers") { table in
            // One that cannot be read keeps its place, so that indices stay those of the file.
            let url = table.required(
                "issuer", .issuerURL, "write the URL that tokens name as `iss`, exactly as they write it")
            var issuer = Settings.Issuer(issuer: url ?? "", audience: .oneOf([]))
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
    /// The name of the claim, where the path is just that.
    fileprivate var onlyKey: String? {
        switch self {
        case .dotted(let name): name
        case .keys(let keys): keys.count == 1 ? keys[0] : nil
        case .memberNames: nil
        }
    }
}

extension SettingsKind where Value == String {
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
