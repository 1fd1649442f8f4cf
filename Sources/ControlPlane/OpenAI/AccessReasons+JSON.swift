import SimpleAICore

/// The access section of `POST /v1/route`, for administrators. Documented in docs/guides/explain.md.
extension AccessReasons {
    /// - Parameters:
    ///   - roles: the roles of the explained caller.
    ///   - limits: the limits that apply to it.
    func json(roles: Set<Role>, limits: CallLimits) -> String {
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
            "\"limits\":{\"requests_per_minute\":\(Self.limit(limits.requestsPerMinute)),"
                + "\"concurrent_calls\":\(Self.limit(limits.concurrentCalls)),"
                + "\"tokens_per_day\":\(Self.limit(limits.tokensPerDay))}",
        ]
        return "{\(fields.joined(separator: ","))}"
    }

    private var code: String {
        switch ruling {
        case .administrator: "administrator"
        case .specificModels: "specific_models"
        case .allowedWithoutPolicies: "without_policies"
        case .granted: "granted"
        case .missingRole: "role_is_missing"
        case .notGranted: "not_granted"
        case .beyondCredentials: "beyond_credentials"
        }
    }

    /// Writes null for no limit, not the 0 of the settings.
    private static func limit(_ number: Int) -> String { number > 0 ? "\(number)" : "null" }

    private static func list(_ roles: [Role]) -> String {
        "[\(roles.map { JSONString.encode($0.rawValue) }.joined(separator: ","))]"
    }
}
