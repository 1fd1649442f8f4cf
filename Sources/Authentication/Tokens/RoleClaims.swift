import SimpleAICore

extension Claims {
    /// The caller that these claims describe; only for claims with a verified signature.
    func caller(under configuration: IssuerConfiguration) throws(TokenFault) -> Caller {
        let subject = try subject(at: configuration.subjectClaims)
        let roles = roles(at: configuration.roleClaims)
        var privileges: Set<Privilege> = []
        if roles.contains(configuration.adminRole) { privileges.insert(.administration) }
        if roles.contains(configuration.specificRole) { privileges.insert(.specificModels) }
        // If the settings' string equals the token's, it is used, because all callers share its storage. The settings' string
        // for several tenants is a template, which differs.
        let issuer = configuration.issuer == issuer ? configuration.issuer : issuer
        return Caller(subject: subject, issuer: issuer, roles: roles, privileges: privileges)
    }

    /// The union of the roles at all paths.
    func roles(at paths: [IssuerConfiguration.ClaimPath]) -> Set<Role> {
        Set(paths.flatMap { Self.roles(at: $0, in: value(at: $0)) })
    }

    /// The value at a path; null counts as absent.
    func value(at path: IssuerConfiguration.ClaimPath) -> JSONValue? {
        let value = statedValue(at: path)
        return value == .null ? nil : value
    }

    private func statedValue(at path: IssuerConfiguration.ClaimPath) -> JSONValue? {
        switch path {
        case .dotted(let name):
            // A name such as https://example.com/roles is one key, including its dots.
            if let exact = members[ExactString(name)] { return exact }
            return value(below: name.split(separator: ".", omittingEmptySubsequences: false).map(String.init))
        case .keys(let keys):
            return value(below: keys)
        case .memberNames(let object):
            return value(at: object)
        }
    }

    private func value(below keys: [String]) -> JSONValue? {
        guard !keys.isEmpty else { return nil }
        var value = JSONValue.object(members)
        for key in keys {
            guard let inner = value.object?[ExactString(key)] else { return nil }
            value = inner
        }
        return value
    }

    /// The roles in a claim's value. A string is one role; in an array each string is one, and other elements are ignored.
    /// `scope` and `scp` are space-separated lists (RFC 8693 §4.2). For `memberNames`, the roles are the names of members
    /// whose value is neither null nor false. Invalid names are ignored, and so is the empty string: it must not match a role
    /// that the settings leave empty.
    private static func roles(at path: IssuerConfiguration.ClaimPath, in value: JSONValue?) -> [Role] {
        let names: [String]
        switch path {
        case .memberNames:
            names = (value?.object ?? [:]).filter { $0.value != .null && $0.value != .bool(false) }.map(\.key.rawValue)
        case .dotted("scope"), .dotted("scp"), .keys(["scope"]), .keys(["scp"]):
            names = words(in: value)
        case .dotted, .keys:
            names = value?.stringElements ?? value?.string.map { [$0] } ?? []
        }
        return names.compactMap { try? Role(checking: $0, maxLength: 1_024) }
    }

    /// The words of a string, or the strings of an array.
    static func words(in value: JSONValue?) -> [String] {
        if let list = value?.string { return list.split(separator: " ").map(String.init) }
        return value?.stringElements ?? []
    }
}
