import SimpleAICore

extension Claims {
    /// The caller that these claims describe; only for claims whose signature was verified.
    func caller(under configuration: IssuerConfiguration) -> Caller {
        let roles = roles(at: configuration.roleClaims)
        var privileges: Set<Privilege> = []
        if roles.contains(configuration.adminRole) { privileges.insert(.administration) }
        if roles.contains(configuration.specificRole) { privileges.insert(.specificModels) }
        // The settings' spelling of the issuer is the same, and shared by all its callers.
        return Caller(subject: subject, issuer: configuration.issuer, roles: roles, privileges: privileges)
    }

    /// The roles at all paths, united.
    func roles(at paths: [IssuerConfiguration.ClaimPath]) -> Set<Role> {
        Set(paths.flatMap { Self.roles(in: value(at: $0)) })
    }

    private func value(at path: IssuerConfiguration.ClaimPath) -> JSONValue? {
        switch path {
        case .dotted(let name):
            // A name such as https://example.com/roles is one key, dots and all.
            if let exact = members[ExactString(name)] { return exact }
            return value(below: name.split(separator: ".", omittingEmptySubsequences: false).map(String.init))
        case .keys(let keys):
            return value(below: keys)
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

    /// One string is one role, an array of strings is as many; anything else states none. The empty string is no
    /// role, so that a role left empty in the settings cannot be held.
    private static func roles(in value: JSONValue?) -> [Role] {
        let names = value?.strings ?? value?.string.map { [$0] } ?? []
        return names.filter { !$0.isEmpty }.map { Role($0) }
    }
}
