import Hummingbird
import Settings
import SimpleAICore
import Storage

/// A hypothetical caller with other roles, for administrators: `POST /v1/route?as_role=ROLE&as_role=ROLE`.
enum RoleImpersonation {
    private static let parameter: Substring = "as_role"
    /// More than any practical token has.
    private static let maxRoles = 100

    /// - Returns: a caller with exactly the roles in the query and their rights; nil without the parameter. Empty values
    ///   are ignored: a single `as_role=` means a caller without roles.
    /// - Throws: `permissionDenied` unless the requesting caller is an administrator, because a caller must not learn the
    ///   rights of others.
    static func caller(in request: Request, requester: Caller, _ rules: ControlPlaneServices.Rules) throws(GatewayError)
        -> Caller?
    {
        let named = request.uri.queryParameters[values: parameter]
        guard !named.isEmpty else { return nil }
        try rules.access.policy.authorizeAdministration(by: requester)
        guard named.count <= maxRoles else {
            throw GatewayError(.invalidRequest, "At most \(maxRoles) roles can be queried.", param: "as_role")
        }
        let roles = Set(named.filter { !$0.isEmpty }.map { Role(String($0)) })
        // Each issuer's settings name its privileged roles; without an issuer, the names of API keys apply.
        let issuer = rules.settings.auth.issuers.first { $0.names.contains(where: requester.issuer.rawValue.isExactly) }
        var privileges: Set<Privilege> = []
        if roles.contains(issuer?.adminRole ?? APIKeyRoles.administration) { privileges.insert(.administration) }
        if roles.contains(issuer?.specificRole ?? APIKeyRoles.specificModels) {
            privileges.insert(.specificModels)
        }
        return Caller(subject: "", issuer: requester.issuer, roles: roles, privileges: privileges)
    }
}
