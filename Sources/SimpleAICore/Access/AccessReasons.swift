/// What a caller gets when it asks for something, and why: every answer is the one that `AccessPolicy` decides calls and
/// lists by.
public struct AccessReasons: Hashable, Sendable {
    public let ruling: AccessRuling
    /// Those of the caller's roles that the policy of the ruling names; none where that is for every caller, or where no
    /// policy decided.
    public let deciding: [Role]
    /// The policies that apply to the caller, counted from 0.
    public let policies: [Int]
    public let mayWake: Bool
    public let priority: Priority
}

extension AccessPolicy {
    public func reasons(for request: ModelRequest, by caller: Caller) -> AccessReasons {
        let ruling = ruling(on: request, for: caller)
        var deciding: [Role] = []
        if case .granted(let index) = ruling, let roles = grants[index].roles {
            deciding = roles.intersection(caller.roles).sorted()
        }
        return AccessReasons(
            ruling: ruling, deciding: deciding, policies: grants.indices.filter { grants[$0].applies(to: caller) },
            mayWake: mayWake(caller), priority: priority(of: request, by: caller))
    }
}
