import SimpleAICore
import Testing

/// Policies refine the access rules: a caller may request and list exactly what they grant.
@Suite struct AccessGrantTests {
    private static let policy = AccessPolicy(
        classes: AccessPolicyTests.classes, wakeRoles: [],
        grants: [
            AccessGrant(roles: ["student"], classes: ["fast"], mayWake: false),
            AccessGrant(roles: ["staff", "guest-staff"], classes: ["*"], models: ["llama3:*", "tiny"]),
            AccessGrant(roles: nil, models: ["free"], mayWake: false),
        ])

    private func caller(_ roles: Set<Role>, _ privileges: Set<Privilege> = []) -> Caller {
        Caller(subject: "s", issuer: "i", roles: roles, privileges: privileges)
    }

    private func ruling(_ field: String, _ caller: Caller) -> AccessRuling {
        Self.policy.ruling(on: ModelRequest(field: field, defaultClass: "fast"), for: caller)
    }

    @Test(
        arguments: [
            ("student", "class:fast", .granted(index: 0)), ("student", "class:big", .notGranted),
            ("student", "class:none", .notGranted), ("student", "tiny", .notGranted),
            ("student", "free", .granted(index: 2)), ("student", "", .granted(index: 0)),
            ("staff", "class:big", .granted(index: 1)), ("staff", "class:none", .granted(index: 1)),
            ("staff", "tiny", .granted(index: 1)), ("staff", "llama3:70b", .granted(index: 1)),
            ("staff", "llama2:70b", .notGranted), ("guest-staff", "tiny", .granted(index: 1)),
            ("unlisted", "class:fast", .notGranted), ("unlisted", "free", .granted(index: 2)),
            ("Staff", "tiny", .notGranted),
        ] as [(Role, String, AccessRuling)])
    func grantsDecide(role: Role, field: String, expected: AccessRuling) {
        #expect(ruling(field, caller([role])) == expected)
    }

    /// Two roles that Swift's strings consider equal.
    @Test func rolesAreComparedByTheirBytes() {
        let policy = AccessPolicy(
            classes: AccessPolicyTests.classes, wakeRoles: ["K"],
            grants: [AccessGrant(roles: ["K", "\u{E9}"], classes: ["*"])])
        for (role, isGood) in [("K", true), ("\u{212A}", false), ("\u{E9}", true), ("e\u{301}", false)]
            as [(Role, Bool)]
        {
            #expect(policy.ruling(on: .byClass("fast"), for: caller([role])).isAllowed == isGood)
        }
        #expect(policy.mayWake(caller(["K"])))
        #expect(!policy.mayWake(caller(["\u{212A}"])))
    }

    @Test func grantsAddUp() {
        let both = caller(["student", "staff"])
        #expect(ruling("class:fast", both) == .granted(index: 0))
        #expect(ruling("class:big", both) == .granted(index: 1))
        #expect(Self.policy.mayWake(both))
    }

    /// The API key is restricted to one class; the roles of its caller grant more.
    @Test func restrictedCredentialsNarrowTheGrants() {
        let key = Caller(subject: "key:1", issuer: "", roles: ["staff"], privileges: [], classes: ["fast"])
        #expect(ruling("class:fast", key) == .granted(index: 1))
        #expect(ruling("class:big", key) == .beyondCredentials)
        #expect(ruling("tiny", key) == .granted(index: 1))
        #expect(ruling("llama3:8b", key) == .beyondCredentials)
        #expect(ruling("large", key) == .notGranted)
        #expect(!Self.policy.mayList("large", by: key))
    }

    @Test func privilegedRolesKeepTheirMeaning() {
        for field in ["class:fast", "class:none", "does-not-exist"] {
            #expect(ruling(field, caller([], [.administration])) == .administrator)
        }
        #expect(ruling("does-not-exist", caller([], [.specificModels])) == .specificModels)
        #expect(ruling("class:fast", caller([], [.specificModels])) == .notGranted)
    }

    @Test func refusalsHideExistenceAndReportTheirCauseToOperatorsOnly() throws {
        func error(_ field: String, _ role: Role) -> GatewayError? {
            let request = ModelRequest(field: field, defaultClass: "fast")
            let call = Call(
                id: "c", endpoint: .chatCompletions, request: request, streams: false, wantsUsage: false)
            do throws(GatewayError) {
                _ = try Self.policy.authorize(call, by: caller([role]))
                return nil
            } catch {
                return error
            }
        }
        for field in ["class:big", "class:none", "tiny", "does-not-exist"] {
            let refused = try #require(error(field, "student"))
            #expect(refused.code == .permissionDenied)
            // A policy would grant an exact id, too: the message must not send the caller after a role.
            #expect(refused.message.hasPrefix("Permission denied: no policy grants you this "))
            #expect(
                refused.cause?.hasPrefix("no policy grants it to the caller's roles; requested \"\(field)\"") == true)
        }
        #expect(error("class:none", "staff")?.code == .modelNotFound)
        #expect(error("class:fast", "student") == nil)
    }

    @Test func wakingRequiresAGrant() {
        #expect(!Self.policy.mayWake(caller(["student"])))
        #expect(Self.policy.mayWake(caller(["staff"])))
        #expect(!Self.policy.mayWake(caller(["unlisted"])))
        #expect(!Self.policy.mayWake(caller([], [.specificModels])))
        #expect(Self.policy.mayWake(caller([], [.administration])))
        let strict = AccessPolicy(
            classes: AccessPolicyTests.classes, wakeRoles: ["waker"],
            grants: [AccessGrant(roles: nil, classes: ["*"])])
        #expect(!strict.mayWake(caller(["staff"])))
        #expect(strict.mayWake(caller(["waker"])))
    }

    @Test func listsContainWhatTheCallerMayRequest() {
        func classes(_ role: Role) -> [ClassName] {
            ["fast", "big"].filter { Self.policy.mayList(class: $0, by: caller([role])) }
        }
        func models(_ role: Role) -> [ModelID] {
            ["small", "tiny", "large", "free", "llama3:8b"].filter { Self.policy.mayList($0, by: caller([role])) }
        }
        #expect(classes("student") == ["fast"])
        #expect(models("student") == ["free"])
        #expect(classes("staff") == ["fast", "big"])
        #expect(models("staff") == ["tiny", "free", "llama3:8b"])
        #expect(classes("unlisted") == [])
        #expect(models("unlisted") == ["free"])
    }

    @Test func emptyPoliciesChangeNothing() {
        let policy = AccessPolicy(classes: AccessPolicyTests.classes)
        #expect(policy.ruling(on: .byClass("fast"), for: caller([])) == .allowedWithoutPolicies)
        #expect(policy.ruling(on: .exactly("tiny"), for: caller([])) == .missingRole)
        #expect(policy.mayWake(caller([])))
        #expect(policy.mayList(class: "fast", by: caller([])))
    }

    // MARK: Priority and reasons

    private static let shares = AccessPolicy(
        classes: AccessPolicyTests.classes, wakeRoles: ["waker", "staff"],
        grants: [
            AccessGrant(roles: nil, classes: ["*"], mayWake: false),
            AccessGrant(roles: ["staff", "guest"], classes: ["big"], models: ["tiny"], priority: Priority(level: 2)),
            AccessGrant(roles: ["boss"], classes: ["b*"], priority: Priority(level: 4)),
        ])

    /// A policy's priority applies to the requests that it covers; of several priorities, the highest applies.
    @Test func priorityDependsOnTheRequest() throws {
        for (roles, fast, big, tiny) in [
            ([], 0, 0, 0), (["staff"], 0, 2, 2), (["boss"], 0, 4, 0), (["staff", "boss"], 0, 4, 2),
        ] as [(Set<Role>, Int, Int, Int)] {
            let caller = caller(roles)
            let levels = ([.byClass("fast"), .byClass("big"), .exactly("tiny")] as [ModelRequest])
                .map { Self.shares.priority(of: $0, by: caller).level }
            #expect(levels == [fast, big, tiny], "\(roles)")
            let call = Call(
                id: "c", endpoint: .chatCompletions, request: .byClass("big"), streams: false, wantsUsage: false)
            #expect(try Self.shares.authorize(call, by: caller).priority.level == big)
        }
        #expect(Self.policy.priority(of: .byClass("fast"), by: caller(["staff"])) == .normal)
    }

    @Test func reasonsMatchTheDecision() {
        let staff = Self.shares.reasons(for: .exactly("tiny"), by: caller(["staff", "other"]))
        #expect(staff.ruling == .granted(index: 1) && staff.deciding == ["staff"] && staff.policies == [0, 1])
        #expect(staff.mayWake && staff.priority.level == 2)
        // The policy for all callers decides, whichever roles the caller has.
        let fast = Self.shares.reasons(for: .byClass("fast"), by: caller(["boss"]))
        #expect(fast.ruling == .granted(index: 0) && fast.deciding.isEmpty && fast.policies == [0, 2])
        #expect(!fast.mayWake)
        let denied = Self.shares.reasons(for: .exactly("large"), by: caller(["staff"]))
        #expect(denied.ruling == .notGranted && denied.deciding.isEmpty && !denied.ruling.isAllowed)
    }

    @Test func prioritiesStayWithinTheirLevels() {
        #expect(Priority(level: -3).level == 0)
        #expect(Priority(level: 9).level == 4)
    }
}
