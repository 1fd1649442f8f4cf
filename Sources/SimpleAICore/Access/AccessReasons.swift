/// The decision on a caller's request and its reasons: the same decision that `AccessPolicy` makes for calls and lists.
public struct AccessReasons: Hashable, Sendable {
    public let ruling: AccessRuling
    /// The caller's roles that the deciding policy names; empty if the policy is for all callers, or no policy decided.
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
