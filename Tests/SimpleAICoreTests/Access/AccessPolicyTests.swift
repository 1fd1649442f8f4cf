import SimpleAICore
import Testing

/// The table of rights in the documentation of `AccessPolicy`.
@Suite struct AccessPolicyTests {
    enum Kind: CaseIterable { case plain, specific, admin, both }

    static let classes = ClassTable(
        [
            ModelClass(name: "fast", models: ["small", "tiny"], preferredMachineTypes: ["gpu", "cpu"]),
            ModelClass(name: "big", models: ["large"]),
        ], defaultClass: "fast")

    private func caller(_ kind: Kind, roles: Set<Role> = []) -> Caller {
        let privileges: Set<Privilege> =
            switch kind {
            case .plain: []
            case .specific: [.specificModels]
            case .admin: [.administration]
            case .both: [.specificModels, .administration]
            }
        return Caller(subject: "s", issuer: "i", roles: roles, privileges: privileges)
    }

    private func call(_ field: String?) -> Call {
        Call(
            id: "c", endpoint: .chatCompletions, request: ModelRequest(field: field, defaultClass: "fast"),
            streams: false,
            wantsUsage: false)
    }

    private func outcome(
        _ field: String?, _ caller: Caller, _ policy: AccessPolicy = AccessPolicy(classes: classes)
    ) -> Result<AuthorizedCall, GatewayError> {
        do throws(GatewayError) {
            return .success(try policy.authorize(call(field), by: caller))
        } catch {
            return .failure(error)
        }
    }

    private func code(_ field: String?, _ caller: Caller) -> GatewayError.Code? {
        if case .failure(let error) = outcome(field, caller) { error.code } else { nil }
    }

    @Test(arguments: Kind.allCases)
    func everyCallerMayRequestClasses(_ kind: Kind) throws {
        for field in ["class:fast", "", nil] {
            let call = try outcome(field, caller(kind)).get()
            #expect(call.models == ["small", "tiny"])
            #expect(call.preferredMachineTypes == ["gpu", "cpu"])
        }
        #expect(try outcome("class:big", caller(kind)).get().models == ["large"])
        for field in ["class:none", "class:", "class:FAST", "class:fast ", "class:class:fast"] {
            #expect(code(field, caller(kind)) == .modelNotFound)
        }
    }

    @Test func exactIDsRequireTheRoleWhetherTheyExistOrNot() throws {
        for field in ["small", "large", "does-not-exist", "Class:fast", "fast"] {
            guard case .failure(let refusal) = outcome(field, caller(.plain)) else {
                Issue.record("\(field) was allowed")
                continue
            }
            #expect(refusal.code == .permissionDenied)
            #expect(refusal.message.hasPrefix("Permission denied:"))
            #expect(refusal.param == "model")
            // Nothing that the caller receives depends on whether the model exists; the cause is for the log.
            guard case .failure(let other) = outcome("another", caller(.plain)) else {
                Issue.record("another was allowed")
                continue
            }
            #expect((other.code, other.message) == (refusal.code, refusal.message))
            #expect((other.param, other.retry) == (refusal.param, refusal.retry))
            for kind in [Kind.specific, .admin, .both] {
                let call = try outcome(field, caller(kind)).get()
                #expect(call.models == [ModelID(field)])
                #expect(call.preferredMachineTypes.isEmpty)
            }
        }
    }

    /// API keys may be restricted to some classes.
    @Test func restrictedCredentialsCoverOnlyTheirClasses() {
        let policy = AccessPolicy(classes: Self.classes)
        let limited = Caller(
            subject: "s", issuer: "", roles: [], privileges: [.specificModels], classes: ["fast"])
        #expect(code("class:fast", limited) == nil)
        #expect(code("small", limited) == nil)
        for field in ["class:big", "large", "unknown", "class:none"] {
            #expect(code(field, limited) == .permissionDenied)
        }
        #expect(policy.mayList("tiny", by: limited) && !policy.mayList("large", by: limited))
        #expect(policy.mayList(class: "fast", by: limited) && !policy.mayList(class: "big", by: limited))
    }

    @Test(arguments: [(Kind.plain, false), (.specific, false), (.admin, true), (.both, true)])
    func onlyAdminsAdminister(_ kind: Kind, _ may: Bool) {
        let policy = AccessPolicy(classes: Self.classes)
        if may {
            #expect(throws: Never.self) { try policy.authorizeAdministration(by: caller(kind)) }
        } else {
            let error = #expect(throws: GatewayError.self) { try policy.authorizeAdministration(by: caller(kind)) }
            #expect(error?.code == .permissionDenied)
            #expect(error?.message.hasPrefix("Permission denied:") == true)
        }
        #expect(caller(kind).isAdmin == may)
        #expect(caller(kind).mayRequestSpecificModels == (kind != .plain))
    }

    @Test func wakingMayRequireARole() throws {
        let everybody = AccessPolicy(classes: Self.classes)
        let some = AccessPolicy(classes: Self.classes, wakeRoles: ["waker", "night"])
        for kind in Kind.allCases { #expect(everybody.mayWake(caller(kind))) }
        #expect(!some.mayWake(caller(.plain)))
        #expect(!some.mayWake(caller(.specific, roles: ["Waker", "waker "])))
        #expect(some.mayWake(caller(.plain, roles: ["x", "night"])))
        #expect(some.mayWake(caller(.admin)))
        #expect(try !outcome("class:fast", caller(.plain), some).get().mayWake)
        #expect(try outcome("class:fast", caller(.plain, roles: ["waker"]), some).get().mayWake)
        #expect(try !outcome("small", caller(.specific), some).get().mayWake)
    }

    @Test(arguments: Kind.allCases, [true, false])
    func listsFollowRights(_ kind: Kind, showsMembers: Bool) {
        let policy = AccessPolicy(classes: Self.classes, showsMembers: showsMembers)
        #expect(policy.mayList("small", by: caller(kind)) == (kind != .plain))
        let fast = ModelClass(name: "fast", models: ["small", "tiny"])
        let members: [ModelID] = kind != .plain || showsMembers ? ["small", "tiny"] : []
        #expect(policy.visibleMembers(of: fast, for: caller(kind)) == members)
        #expect(policy.mayList("in-no-class", by: caller(kind)) == (kind != .plain))
    }

    @Test func withoutAuthenticationEveryCallerIsAdmin() {
        #expect(Caller.anonymous.isAdmin)
        #expect(Caller.anonymous.mayRequestSpecificModels)
        #expect(AccessPolicy(classes: Self.classes, wakeRoles: ["waker"]).mayWake(.anonymous))
    }
}
