import Hummingbird
import KeyStore
import Settings
import SimpleAICore

/// Somebody else whom an admin asks about: `POST /v1/route?as_role=ROLE&as_role=ROLE`.
enum OtherRoles {
    private static let parameter: Substring = "as_role"
    /// More than any token of use has.
    private static let most = 100

    /// - Returns: a caller who has these roles and no others, with what the settings give to them; nil if nobody is asked
    ///   about. An empty value is no role: alone it asks about a caller without any.
    /// - Throws: `permissionDenied` for everybody but admins: what others may do is not a caller's business.
    static func caller(in request: Request, asker: Caller, _ rules: GatewayRules) throws(GatewayError) -> Caller? {
        let named = request.uri.queryParameters[values: parameter]
        guard !named.isEmpty else { return nil }
        try rules.policy.authorizeAdministration(by: asker)
        guard named.count <= most else {
            throw GatewayError(.invalidRequest, "No more than \(most) roles can be asked about.", param: "as_role")
        }
        let roles = Set(named.filter { !$0.isEmpty }.map { Role(String($0)) })
        // Which roles are special is each issuer's own setting; where there is no issuer, as for API keys.
        let issuer = rules.settings.auth.issuers.first { $0.names.contains(where: asker.issuer.rawValue.isExactly) }
        var privileges: Set<Privilege> = []
        if roles.contains(issuer?.adminRole ?? KeyStore.adminRole) { privileges.insert(.administration) }
        if roles.contains(issuer?.specificRole ?? KeyStore.specificRole) {
            privileges.insert(.specificModels)
        }
        return Caller(subject: "", issuer: asker.issuer, roles: roles, privileges: privileges)
    }
}
