import SimpleAICore
import Testing

@testable import Settings

@Suite struct PoliciesTests {
    @Test func everyKeyReachesItsGrant() throws {
        let text = """
            classes: { fast: [a], big: [b] }
            policies:
              - { roles: student, classes: fast, wake: false, priority: 3 }
              - roles: [staff, "guest staff"]
                classes: ["*", b?g]
                models: ["llama3:*", "org/model:7b"]
              - { roles: "*", models: [free], limits: { requests_per_minute: 0, tokens_per_day: 5 } }
              - { roles: script, classes: fast, limits: { concurrent_calls: 2 } }
            """
        let expected = [
            AccessGrant(roles: ["student"], classes: ["fast"], mayWake: false, priority: Priority(level: 3)),
            AccessGrant(
                roles: ["staff", "guest staff"], classes: ["*", "b?g"], models: ["llama3:*", "org/model:7b"]),
            AccessGrant(roles: nil, models: ["free"], limits: .init(requestsPerMinute: 0, tokensPerDay: 5)),
            AccessGrant(roles: ["script"], classes: ["fast"], limits: .init(concurrentCalls: 2)),
        ]
        #expect(try settings(text).policies == expected)
    }

    @Test(arguments: [
        ProblemCase("policies: [{classes: fast}]", "s.yaml:2: policies[0].roles: is required; …"),
        ProblemCase("policies: [{roles: [], classes: fast}]", "s.yaml:2: policies[0].roles: is empty; …"),
        ProblemCase(
            "policies: [{roles: ['*', a], classes: fast}]", "s.yaml:2: policies[0].roles: lists `*` with other…"),
        ProblemCase("policies: [{roles: a}]", "s.yaml:2: policies[0]: grants nothing; …"),
        ProblemCase("policies: [{roles: a, classes: []}]", "s.yaml:2: policies[0]: grants nothing; …"),
        ProblemCase(
            "policies: [{roles: a, classes: [fats]}]",
            "s.yaml:2: policies[0].classes: unknown class fats; did you mean fast?"),
        ProblemCase(
            "policies: [{roles: a, classes: ['x*']}]", "s.yaml:2: policies[0].classes: unknown class x*; …"),
        ProblemCase("policies: [{roles: a, models: m, wake: maybe}]", "s.yaml:2: policies[0].wake: …"),
        ProblemCase(
            "policies: [{roles: a, models: m, priority: 5}]",
            "s.yaml:2: policies[0].priority: 5 is out of range; use a whole number from 0 to 4"),
        ProblemCase("policies: {roles: a}", "s.yaml:2: policies: must be a list; …"),
    ])
    func problemsAreReported(_ problem: ProblemCase) {
        let start = "{auth: {mode: none}, classes: {fast: [a]},\n"
        expect(problem, in: problems(start + problem.text + "}"))
    }
}
