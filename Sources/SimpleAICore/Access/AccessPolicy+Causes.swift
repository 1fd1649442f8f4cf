/// The names of the two privileged roles in the settings; each issuer may have its own.
public struct PrivilegedRoles: Hashable, Sendable {
    public let administration: Set<Role>
    public let specificModels: Set<Role>

    public init(administration: Set<Role> = ["admin"], specificModels: Set<Role> = ["model:specific"]) {
        self.administration = administration
        self.specificModels = specificModels
    }
}

/// Describes why a caller was refused, for the operator's log: the roles that it has and the roles that would suffice.
extension AccessPolicy {
    func cause(of ruling: AccessRuling, _ request: ModelRequest, _ caller: Caller) -> String {
        var text = "\(ruling.description); requested \(Self.quoted("\(request)")); \(Self.description(of: caller))"
        if ruling == .beyondCredentials {
            let classes = (caller.classes ?? []).map(\.rawValue).sorted()
            text += "; the credentials are limited to the classes \(Self.list(classes))"
        } else {
            text += "; expected one of the roles \(Self.list(sufficientRoles(for: request).map(\.rawValue).sorted()))"
        }
        return OperatorReason(text).description
    }

    func causeOfAdministrationRefusal(of caller: Caller) -> String {
        let expected = Self.list(privilegedRoles.administration.map(\.rawValue).sorted())
        return OperatorReason("\(Self.description(of: caller)); expected one of the roles \(expected)").description
    }

    /// The roles of the policies that cover the request, and the privileged roles.
    private func sufficientRoles(for request: ModelRequest) -> Set<Role> {
        var roles = privilegedRoles.administration
        if case .exactly = request { roles.formUnion(privilegedRoles.specificModels) }
        for grant in grants where grant.covers(request) { roles.formUnion(grant.roles ?? []) }
        return roles
    }

    private static func description(of caller: Caller) -> String {
        let issuer = caller.issuer.rawValue
        let origin = issuer.isEmpty ? "" : " of the issuer \(quoted(issuer))"
        return "the caller \(quoted(caller.subject.rawValue))\(origin) holds the roles "
            + list(caller.roles.map(\.rawValue).sorted())
    }

    private static let maxListed = 8
    /// In bytes of UTF-8.
    private static let maxQuoted = 80

    private static func list(_ names: [String]) -> String {
        guard !names.isEmpty else { return "(none)" }
        return names.prefix(maxListed).map(quoted).joined(separator: ", ") + (names.count > maxListed ? ", …" : "")
    }

    /// Callers choose their names, so quotes and line breaks in them are escaped.
    private static func quoted(_ text: String) -> String {
        let shown =
            text.utf8.count <= maxQuoted ? text : String(decoding: text.utf8.prefix(maxQuoted), as: UTF8.self) + "…"
        return JSONString.encode(shown)
    }
}
