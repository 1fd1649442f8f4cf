extension TokenProviderSettings: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        issuer =
            table.required("issuer", .issuerURL, "set the provider's issuer URL, exactly as the provider states it")
            ?? ""
        table.read("allow_insecure", .flag, into: &allowsInsecure)
        table.read("token", .choice(Token.allCases), into: &token)
        table.read("timeout", .duration(from: .milliseconds(100), to: .seconds(300)), into: &timeout)
        table.section("tls") { table in
            table.read("ca_file", .existingFile, into: &caFile)
            if !caFile.isEmpty, issuer.lowercased().hasPrefix("http:") {
                table.problem("is ignored, because the issuer lacks TLS; use https, or remove it", at: "ca_file")
            }
        }
        standard.read(from: &table)
        checkTransport(in: table)
        // An invalid value looks like a missing one, so nothing is concluded from it.
        let isComplete = !Self.keysOfIdentity.contains { table.hasProblem(at: $0) }
        let validUsers = readUsers(from: &table, isComplete: isComplete)
        readRoles(from: &table, validUsers: validUsers, isComplete: isComplete)
        guard isComplete, users.isEmpty, roles.isEmpty, !table.hasProblem(at: "users"), !table.hasProblem(at: "roles")
        else { return }
        if let problem = problem(user: nil, roles: []) { table.problem(problem, at: "client") }
    }

    private static let keysOfIdentity = [
        "client", "grant", "username", "password", "password_file", "scopes", "audience", "resource",
    ]

    /// - Returns: the users for whom a token can be requested.
    private mutating func readUsers(from table: inout SettingsTable, isComplete: Bool) -> Set<String> {
        var validUsers: Set<String> = []
        table.names(in: "users") { table, name in
            var user = Identity()
            table.section(name) { user.read(from: &$0, username: name) }
            users[name] = user
            guard isComplete, !table.hasProblem(at: name) else { return }
            if let problem = problem(user: name, roles: []) {
                table.problem(problem, at: name)
            } else {
                validUsers.insert(name)
            }
        }
        return validUsers
    }

    private mutating func readRoles(from table: inout SettingsTable, validUsers: Set<String>, isComplete: Bool) {
        table.names(in: "roles") { table, name in
            var role = RoleIdentity()
            table.section(name) { table in
                role.identity.read(from: &table)
                role.user = table.read("user", .name("a user of users"))
                guard let user = role.user, users[user] == nil else { return }
                let names = users.keys
                table.problem("unknown user \(user); ", at: "user") {
                    Spelling.nearest(to: user, among: names.sorted()).map { "did you mean \($0)?" }
                        ?? "add it to users"
                }
            }
            roles[name] = role
            guard isComplete, !table.hasProblem(at: name), role.user.map(validUsers.contains) ?? true else { return }
            if let problem = problem(user: nil, roles: [name]) { table.problem(problem, at: name) }
        }
    }

    /// Why no token can be requested for a user or role in the file; nil if one can.
    private func problem(user: String?, roles: [String]) -> String? {
        do throws(SelectionProblem) {
            _ = try selection(user: user, roles: roles)
            return nil
        } catch {
            return error.description
        }
    }

    private func checkTransport(in table: SettingsTable) {
        // An invalid address is reported where it was read.
        guard !allowsInsecure, !table.hasProblem(at: "issuer"), !issuer.isEmpty,
            let address = try? WebAddress(issuer, allowingQuery: false), address.isPlaintextToRemoteHost
        else { return }
        table.problem(
            "lacks TLS: passwords and secrets would be sent in plain text; use https, or set allow_insecure: true",
            at: "issuer")
    }
}

extension TokenProviderSettings.Identity {
    /// - Parameter username: the user name of a password, if the file states none.
    fileprivate mutating func read(from table: inout SettingsTable, username: String? = nil) {
        readClient(from: &table)
        grant = table.read("grant", .choice(TokenProviderSettings.Grant.allCases))
        readCredentials(from: &table, username: username)
        scopes = table.list("scopes", of: .scope)
        audience = table.read("audience", .text)
        resources = table.oneOrMore("resource", .name("a resource"))
    }

    private mutating func readClient(from table: inout SettingsTable) {
        let isWritten = table.hasValue("client")
        table.section("client") { table in
            let id =
                isWritten
                ? table.required("id", .name("a client's id"), "set the client id registered at the provider")
                : table.read("id", .name("a client's id"))
            let secret = table.secret("secret", .credential) ?? ""
            let authentication = table.read(
                "authentication", .choice(TokenProviderSettings.ClientAuthentication.allCases))
            guard let id else { return }
            var client = TokenProviderSettings.Client(id: id)
            client.secret = secret
            client.authentication = authentication
            self.client = client
            if !table.hasProblem(at: "secret"), !table.hasProblem(at: "secret_file") { check(client, in: table) }
        }
    }

    private func check(_ client: TokenProviderSettings.Client, in table: SettingsTable) {
        switch client.authentication {
        case .basic where client.secret.isEmpty, .post where client.secret.isEmpty:
            table.problem("requires a secret; set secret or secret_file", at: "authentication")
        case TokenProviderSettings.ClientAuthentication.none? where !client.secret.isEmpty:
            table.problem("none does not send the configured secret; remove one of them", at: "authentication")
        default:
            break
        }
    }

    private mutating func readCredentials(from table: inout SettingsTable, username standard: String?) {
        let written = table.read("username", .text) ?? ""
        let password = table.secret("password", .credential) ?? ""
        guard !password.isEmpty else { return }
        guard let username = written.isEmpty ? standard : written else {
            if !table.hasProblem(at: "username") {
                table.problem(
                    "is required with a password; set the user name registered at the provider", at: "username")
            }
            return
        }
        credentials = .init(username: username, password: password)
    }
}

extension SettingsKind where Value == String {
    /// A secret that is sent in a form, which may contain any character.
    fileprivate static var credential: Self { .init("a secret") { $0 } }

    /// A scope token (RFC 6749 §3.3).
    fileprivate static var scope: Self {
        .init("a scope") { text throws(SettingsMismatch) in
            let isToken = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
            guard !text.isEmpty, isToken else {
                throw .init("\(quoted(text)) is not a scope; use one scope per element, without spaces or quotes")
            }
            return text
        }
    }
}
