import SimpleAICore
import Testing

/// The cause of a refusal in the operator's log: the roles of the caller, and the roles that would suffice.
@Suite struct RefusalCauseTests {
    private func cause(
        _ field: String, _ caller: Caller, grants: [AccessGrant] = [],
        roles: PrivilegedRoles = PrivilegedRoles(administration: ["boss"], specificModels: ["exact"])
    ) -> String? {
        let policy = AccessPolicy(classes: AccessPolicyTests.classes, grants: grants, privilegedRoles: roles)
        let call = Call(
            id: "c", endpoint: .chatCompletions, request: ModelRequest(field: field, defaultClass: "fast"),
            streams: false, wantsUsage: false)
        do throws(GatewayError) {
            _ = try policy.authorize(call, by: caller)
            return nil
        } catch {
            return error.cause
        }
    }

    private func caller(_ roles: Set<Role>, classes: Set<ClassName>? = nil) -> Caller {
        Caller(subject: "alice", issuer: "https://id.example", roles: roles, privileges: [], classes: classes)
    }

    private static let holder = "the caller \"alice\" of the issuer \"https://id.example\" holds the roles "

    @Test func causeListsTheRolesForAnExactID() {
        #expect(
            cause("small", caller(["reader", "b"])) == "exact ids require a role that the caller lacks; "
                + "requested \"small\"; \(Self.holder)\"b\", \"reader\"; expected one of the roles \"boss\", \"exact\"")
    }

    @Test func causeListsTheRolesOfAPolicy() {
        let grants = [
            AccessGrant(roles: ["gold", "silver"], classes: ["big"]), AccessGrant(roles: ["tin"], classes: ["fast"]),
        ]
        let cause = cause("class:big", caller([]), grants: grants)
        #expect(
            cause?.contains("\(Self.holder)(none); expected one of the roles \"boss\", \"gold\", \"silver\"") == true)
    }

    @Test func causeListsTheClassesOfRestrictedCredentials() {
        let cause = cause("class:big", caller([], classes: ["fast"]))
        #expect(cause?.hasSuffix("the credentials are limited to the classes \"fast\"") == true)
    }

    @Test func causeListsTheRolesForAdministration() {
        let policy = AccessPolicy(
            classes: AccessPolicyTests.classes, privilegedRoles: PrivilegedRoles(administration: ["boss"]))
        let error = #expect(throws: GatewayError.self) {
            try policy.authorizeAdministration(by: caller(["reader"]))
        }
        #expect(error?.cause == "\(Self.holder)\"reader\"; expected one of the roles \"boss\"")
        #expect(error?.message.contains("reader") == false)
    }

    /// Callers choose some of these values.
    @Test func causeIsBoundedAndOnOneLine() {
        let roles = Set((0..<500).map { Role("r\($0)\n\u{1B}[31m" + String(repeating: "x", count: 1_000)) })
        let hostile = Caller(
            subject: SubjectID(String(repeating: "s\"\n", count: 1_000)), issuer: "i", roles: roles, privileges: [])
        let cause = cause(String(repeating: "m\n", count: 2_000), hostile) ?? ""
        #expect(!cause.isEmpty && cause.utf8.count <= OperatorReason.maxLength + 3)
        #expect(!cause.contains { $0.isNewline } && !cause.unicodeScalars.contains("\u{1B}"))
    }
}
