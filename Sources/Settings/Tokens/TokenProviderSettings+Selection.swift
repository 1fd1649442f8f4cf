extension TokenProviderSettings {
    /// All parameters of a token request.
    public struct Selection: Hashable, Sendable {
        public var client: Client
        public var grant: Grant
        /// Present if the grant is `password`.
        public var credentials: Credentials?
        public var scopes: [String]
        /// Empty: the parameter is not sent.
        public var audience: String
        public var resources: [String]
    }

    /// Why no parameters can be selected for a user and roles: what is wrong, and how to fix it.
    public struct SelectionProblem: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String

        init(_ description: String) { self.description = description }
    }

    /// The file's parameters for a user and roles. The provider assigns roles, so a role selects the client or user
    /// that has it; the entries of several roles must agree, because a token has one subject.
    public func selection(user: String?, roles names: [String]) throws(SelectionProblem) -> Selection {
        var chosen: [(name: String, identity: Identity)] = []
        var person = user.map { (name: $0, source: "--user \($0)") }
        for name in names {
            guard let role = roles[name] else { throw unknown("role", name, among: roles.keys.sorted()) }
            chosen.append(("roles.\(name)", role.identity))
            guard let roleUser = role.user else { continue }
            if let person, person.name != roleUser {
                throw .init(
                    "roles.\(name) selects the user \(roleUser), and \(person.source) another one; "
                        + "remove one of them")
            }
            person = (roleUser, "roles.\(name).user")
        }
        if let person {
            guard let identity = users[person.name] else {
                throw unknown("user", person.name, among: users.keys.sorted())
            }
            chosen.append(("users.\(person.name)", identity))
        }
        var merged = try Self.agreement(of: chosen)
        if let person { try checkCredentials(of: person.name, merged) }
        // Another user's password must never replace the user's own.
        if merged.credentials == nil, person == nil { merged.credentials = standard.credentials }
        return try completed(merged, impliesPassword: chosen.contains { $0.identity.credentials != nil })
    }

    /// Refuses a token of the file's client in place of the user's. A user with a client of its own is a program.
    private func checkCredentials(of user: String, _ merged: Identity) throws(SelectionProblem) {
        guard merged.credentials == nil, merged.client == nil, (merged.grant ?? standard.grant) == nil else { return }
        throw .init("users.\(user) has no password; set password or password_file, or grant: device_code")
    }

    private func unknown(_ kind: String, _ name: String, among names: [String]) -> SelectionProblem {
        let nearest = Spelling.nearest(to: name, among: names).map { "did you mean \($0)?" }
        let all =
            names.isEmpty
            ? "add it to \(kind)s" : "add it to \(kind)s, which contains: \(names.joined(separator: ", "))"
        return .init("unknown \(kind) \(name) in the provider's settings; \(nearest ?? all)")
    }

    private static func agreement(
        of chosen: [(name: String, identity: Identity)]
    ) throws(SelectionProblem) -> Identity {
        var merged = Identity()
        func merge<Value: Hashable>(_ key: String, _ part: WritableKeyPath<Identity, Value?>) throws(SelectionProblem) {
            let candidates = chosen.filter { $0.identity[keyPath: part] != nil }
            guard let first = candidates.first else { return }
            if let other = candidates.first(where: { $0.identity[keyPath: part] != first.identity[keyPath: part] }) {
                throw .init("\(first.name) and \(other.name) differ in `\(key)`; request one of them")
            }
            merged[keyPath: part] = first.identity[keyPath: part]
        }
        try merge("client", \.client)
        try merge("grant", \.grant)
        try merge("username", \.credentials)
        try merge("scopes", \.scopes)
        try merge("audience", \.audience)
        try merge("resource", \.resources)
        return merged
    }

    private func completed(_ merged: Identity, impliesPassword: Bool) throws(SelectionProblem) -> Selection {
        guard let client = merged.client ?? standard.client else {
            throw .init("client is not set; set client: { id: … }")
        }
        let defaultGrant: Grant = merged.credentials == nil ? .clientCredentials : .password
        let grant = merged.grant ?? (impliesPassword ? .password : nil) ?? standard.grant ?? defaultGrant
        switch grant {
        case .clientCredentials where client.secret.isEmpty:
            throw .init("client_credentials requires the client's secret; set client.secret or client.secret_file")
        case .password where merged.credentials == nil:
            throw .init(
                "the password grant requires a user's password; set password or password_file, or use --user")
        default:
            break
        }
        return Selection(
            client: client, grant: grant, credentials: grant == .password ? merged.credentials : nil,
            scopes: merged.scopes ?? standard.scopes ?? [], audience: merged.audience ?? standard.audience ?? "",
            resources: merged.resources ?? standard.resources ?? [])
    }
}
