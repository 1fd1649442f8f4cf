extension TokenProviderSettings: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "issuer", \.issuer, .issuerURL,
            required: "set the provider's issuer URL, exactly as the provider states it",
            "The provider's issuer URL, exactly as the provider states it: a final slash counts.")
        Key(
            "allow_insecure", \.allowsInsecure, .flag,
            "Allows plain http to other machines: secrets and tokens are sent unencrypted.")
        Key("token", \.token, .choice(Token.allCases), "The token to print: access_token or id_token.")
        Key(
            "timeout", \.timeout, .duration(from: .milliseconds(100), to: .seconds(300)),
            "The timeout for each response of the provider.")
        Key.section("tls", "The provider's TLS certificate.") {
            Key(
                "ca_file", \.caFile, .existingFile,
                "A PEM file with the authorities that verify the provider's certificate, instead of the system's or those "
                    + "of SSL_CERT_FILE.")
        }
        Key.lifted(\.standard, Identity.keys)
        Key(
            "users", \.users, as: .names(placeholder: "USER", .section(Identity.self)),
            default: { _ in .object([]) },
            "Omitted keys default to the values above, except for the password."
        ) { table, settings in
            settings.readUsersAndRoles(from: &table)
        }
        Key.companion(
            "roles", as: .names(placeholder: "ROLE", .section(RoleIdentity.self)), default: .object([]),
            "The provider assigns roles: name a user of `users` that has the role, or a client.")
    }

    func check(in table: SettingsTable) {
        checkTransport(in: table)
        if !caFile.isEmpty, issuer.lowercased().hasPrefix("http:") {
            table.problem("is ignored, because the issuer lacks TLS; use https, or remove it", at: ["tls", "ca_file"])
        }
        guard isComplete(table), users.isEmpty, roles.isEmpty, !table.hasProblem(at: "users"),
            !table.hasProblem(at: "roles")
        else { return }
        if let problem = problem(user: nil, roles: []) { table.problem(problem, at: "client") }
    }

    private mutating func readUsersAndRoles(from table: inout SettingsTable) {
        let isComplete = isComplete(table)
        let validUsers = readUsers(from: &table, isComplete: isComplete)
        readRoles(from: &table, validUsers: validUsers, isComplete: isComplete)
    }

    /// Whether the file's own identity is valid. An invalid value looks like a missing one, so nothing is concluded from
    /// it.
    private func isComplete(_ table: SettingsTable) -> Bool {
        !Self.keysOfIdentity.contains { table.hasProblem(at: $0) }
    }

    private static let keysOfIdentity = [
        "client", "grant", "username", "password", "password_file", "scopes", "audience", "resource",
    ]

    /// - Returns: the users for whom a token can be requested.
    private mutating func readUsers(from table: inout SettingsTable, isComplete: Bool) -> Set<String> {
        var validUsers: Set<String> = []
        table.names(in: "users") { table, name in
            var user = Identity()
            table.section(name) { user.read(from: &$0, Identity.keys(username: name)) }
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
                role.read(from: &table)
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

extension TokenProviderSettings.Identity: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] { keys(username: nil) }

    /// - Parameter username: the user name of a password, if the file states none.
    @KeyBuilder<Self> static func keys(username: String?) -> [Key<Self>] {
        Key(
            "client", \.client, as: .section(TokenProviderSettings.Client.self),
            "The client that is registered at the provider for `simpleai token`."
        ) { table, identity in
            identity.readClient(from: &table)
        }
        Key(
            "grant", optional: \.grant, .choice(TokenProviderSettings.Grant.allCases),
            defaultNote: "password if one is set, else client_credentials",
            "The grant type: client_credentials, password or device_code (a person signs in with a browser).")
        Key(
            "scopes", \.scopes, as: .list(of: SettingsKind.scope), default: { _ in .array([]) },
            "The scopes of the token."
        ) { table, identity in
            identity.scopes = table.list("scopes", of: .scope)
        }
        Key(
            "audience", optional: \.audience, .text, defaultNote: "none",
            "The parameter `audience`, which some providers require.")
        Key(
            "resource", \.resources, as: .oneOrMore(SettingsKind.name("a resource")), default: { _ in .array([]) },
            "The parameter `resource` (RFC 8707; one or a list)."
        ) { table, identity in
            identity.resources = table.oneOrMore("resource", .name("a resource"))
        }
        Key(
            "username", \.credentials, as: .value(SettingsKind<String>.text),
            defaultNote: username == nil ? "none" : "the name of the entry", "The user name at the provider."
        ) { table, identity in
            identity.readCredentials(from: &table, username: username)
        }
        Key.companion(
            "password", as: .value(SettingsKind<String>.credential), default: .string(""),
            "The password of the user.")
        Key.file(of: "password")
    }

    private mutating func readClient(from table: inout SettingsTable) {
        let keys = TokenProviderSettings.Client.keys(isWritten: table.hasValue("client"))
        var client = TokenProviderSettings.Client.defaults
        table.section("client") { client.read(from: &$0, keys) }
        if !client.id.isEmpty { self.client = client }
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

extension TokenProviderSettings.Client: SettingsSection {
    static var defaults: Self { .init(id: "") }

    static var keys: [Key<Self>] { keys(isWritten: true) }

    /// - Parameter isWritten: whether the file contains a client, which then needs an id.
    @KeyBuilder<Self> fileprivate static func keys(isWritten: Bool) -> [Key<Self>] {
        Key(
            "id", \.id, .name("a client's id"),
            required: isWritten ? "set the client id registered at the provider" : nil,
            "The id of the client.")
        Key.secret("secret", \.secret, .credential, "The client's secret; omit it for public clients.")
        Key(
            "authentication", optional: \.authentication,
            .choice(TokenProviderSettings.ClientAuthentication.allCases),
            defaultNote: "a method of the provider",
            "How the client authenticates: client_secret_basic, client_secret_post or none.")
    }

    func check(in table: SettingsTable) {
        guard !id.isEmpty, !table.hasProblem(at: "secret"), !table.hasProblem(at: "secret_file") else { return }
        switch authentication {
        case .basic where secret.isEmpty, .post where secret.isEmpty:
            table.problem("requires a secret; set secret or secret_file", at: "authentication")
        case TokenProviderSettings.ClientAuthentication.none? where !secret.isEmpty:
            table.problem("none does not send the configured secret; remove one of them", at: "authentication")
        default:
            break
        }
    }
}

extension TokenProviderSettings.RoleIdentity: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key.lifted(\.identity, TokenProviderSettings.Identity.keys)
        Key(
            "user", optional: \.user, .name("a user of users"), defaultNote: "none",
            "The user of `users` that has this role.")
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
