import SimpleAICore

/// The part of `POST /v1/route` that tells admins about rights. Documented in docs/guides/explain.md.
extension AccessReasons {
    /// - Parameter roles: of whom it is about.
    func json(roles: Set<Role>) -> String {
        var fields = [
            "\"roles\":\(Self.list(roles.sorted()))", "\"allowed\":\(ruling.isAllowed)", "\"ruling\":\"\(code)\"",
            "\"because\":\(JSONString.encode(ruling.description))",
        ]
        if case .granted(let index) = ruling {
            fields.append("\"policy\":\(index)")
        } else {
            fields.append("\"policy\":null")
        }
        fields += [
            "\"by_roles\":\(Self.list(deciding))",
            "\"policies\":[\(policies.map(String.init).joined(separator: ","))]", "\"may_wake\":\(mayWake)",
            "\"priority\":\(priority.level)",
        ]
        return "{\(fields.joined(separator: ","))}"
    }

    private var code: String {
        switch ruling {
        case .administrator: "administrator"
        case .specificModels: "specific_models"
        case .withoutPolicies: "without_policies"
        case .granted: "granted"
        case .roleIsMissing: "role_is_missing"
        case .notGranted: "not_granted"
        case .beyondCredentials: "beyond_credentials"
        }
    }

    private static func list(_ roles: [Role]) -> String {
        "[\(roles.map { JSONString.encode($0.rawValue) }.joined(separator: ","))]"
    }
}
