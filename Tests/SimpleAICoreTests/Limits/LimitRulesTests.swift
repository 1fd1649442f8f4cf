import SimpleAICore
import Testing

@Suite struct LimitRulesTests {
    private func caller(_ roles: Set<Role>) -> Caller {
        Caller(subject: "s", issuer: "i", roles: roles, privileges: [])
    }

    @Test func theMostGenerousGrantAppliesToEachLimit() {
        let rules = LimitRules(
            caller: .init(requestsPerMinute: 10, concurrentCalls: 2, tokensPerDay: 1_000),
            address: .init(requestsPerMinute: 5),
            grants: [
                AccessGrant(roles: ["student"], limits: .init(requestsPerMinute: 3)),
                AccessGrant(roles: ["staff"], limits: .init(requestsPerMinute: 50, concurrentCalls: 0)),
                AccessGrant(roles: ["script"], limits: .init(concurrentCalls: 9, tokensPerDay: 0)),
                AccessGrant(roles: ["other"]),
            ])
        #expect(rules.address == .init(requestsPerMinute: 5))
        for (roles, requests, calls, tokens) in [
            ([], 10, 2, 1_000), (["other"], 10, 2, 1_000),
            // A grant may also be lower than the default.
            (["student"], 3, 2, 1_000), (["student", "staff"], 50, 0, 1_000),
            (["staff", "script"], 50, 0, 0), (["script"], 10, 9, 0),
        ] as [(Set<Role>, Int, Int, Int)] {
            let expected = CallLimits(requestsPerMinute: requests, concurrentCalls: calls, tokensPerDay: tokens)
            #expect(rules.limits(of: caller(roles)) == expected, "\(roles)")
        }
    }

    @Test func aGrantForAllCallersAppliesToAllCallers() {
        let rules = LimitRules(grants: [AccessGrant(roles: nil, limits: .init(tokensPerDay: 7))])
        #expect(rules.limits(of: caller([])) == .init(tokensPerDay: 7))
        #expect(LimitRules().limits(of: caller([])) == .none)
    }
}
