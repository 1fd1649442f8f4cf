extension AuthenticationTest {
    static let checks: [Check<AuthenticationTest>] =
        [openCheck] + (badCredentialChecks + rightsChecks + generalChecks).map(\.skippedWithoutAuthentication)

    private static let badCredentialChecks: [Check<AuthenticationTest>] = BadCredential.allCases.map { bad in
        Check("auth.refused.\(bad.rawValue)", bad.requirement, needs: bad.needs) { try await $0.refused(bad) }
    }

    /// The permission table, with a check per caller and resource.
    private static let rightsChecks: [Check<AuthenticationTest>] = Persona.allCases.flatMap { persona in
        rights(of: persona).map { resource, id, requirement in
            let needs = persona == .basic && (resource == .classes || resource == .models) ? nil : "tokens by role"
            return Check("auth.\(idPart(persona)).\(id)", requirement, needs: needs) {
                try await $0.right(resource, of: persona)
            }
        }
    }

    private static let generalChecks: [Check<AuthenticationTest>] = [
        Check(
            "auth.errors.challenge", "A 401 response names the authentication scheme in WWW-Authenticate (RFC 6750, 3)."
        ) {
            try await $0.challenge()
        },
        Check("auth.errors.object", "Every refusal is an OpenAI error object with all four keys.") {
            try await $0.errorObjects()
        },
        Check("auth.errors.no-token", "No response contains the caller's token.") { try await $0.noTokenEchoed() },
    ]

    static func idPart(_ persona: Persona) -> String {
        switch persona {
        case .basic: "basic"
        case .specific: "specific"
        case .admin: "admin"
        }
    }

    static func rights(of persona: Persona) -> [(Resource, String, String)] {
        let personaName =
            switch persona {
            case .basic: "A caller without special roles"
            case .specific: "A caller with model:specific"
            case .admin: "An admin"
            }
        let mayUseIDs = persona != .basic
        return [
            (.classes, "classes", "\(personaName) may use classes."),
            (.existingID, "existing-id", "\(personaName) \(mayUseIDs ? "is served" : "is refused") an existing id."),
            (
                .unknownID, "unknown-id",
                "\(personaName) requesting an unknown id gets \(mayUseIDs ? "404" : "403 or 404")."
            ),
            (.models, "models", "\(personaName) may list models."),
            (
                .admin, "admin-surface",
                "\(personaName) \(persona == .admin ? "may use" : "is refused") the admin surface."
            ),
        ]
    }

    // MARK: Invalid credentials

    private func refused(_ bad: BadCredential) async throws -> Finding {
        let credential = try await bad.credential(from: session.tokens)
        let requests = [
            try session.chatRequest("class:fast", as: credential), APIRequest.get("/v1/models", as: credential),
        ]
        var responses: [String] = []
        for request in requests {
            let exchange = try await send(request)
            guard session.isRefused(exchange, as: .unauthenticated) else {
                let isOpen = bad == .none && exchange.isSuccess
                let hint =
                    isOpen
                    ? "; if it has no authentication, use --no-auth"
                    : session.statusHint(exchange, for: .unauthenticated)
                return .fail(
                    "\(request.method) \(request.path) with \(credential.name) got \(exchange.status)\(hint)",
                    Evidence(exchange, expected: "\(session.expected(.unauthenticated)) and an error object"))
            }
            responses.append("\(request.path) \(exchange.status)")
        }
        try await checkValidTokenStillWorks()
        return .pass("\(responses.joined(separator: ", ")); the valid token still works")
    }

    // MARK: Permission table

    private func right(_ resource: Resource, of persona: Persona) async throws -> Finding {
        let worksForAnyToken = persona == .basic && (resource == .classes || resource == .models)
        guard worksForAnyToken || session.tokens.hasRoles else {
            return .skip("needs tokens with different roles: --token-binary")
        }
        let finding: Finding =
            switch resource {
            case .classes: try await classesAllowed(persona)
            case .models: try await allowed(try await get("/v1/models", as: persona), "/v1/models")
            case .existingID: try await existing(persona)
            case .unknownID: try await unknown(persona)
            case .admin: try await adminSurface(persona)
            }
        return finding
    }

    private func classesAllowed(_ persona: Persona) async throws -> Finding {
        var answered: [String] = []
        var last: Exchange?
        let (present, missing) = try await classes()
        for target in present {
            let exchange = try await chat(target, as: persona)
            do throws(ResponseProblem) {
                let completion = try Completion(exchange)
                answered.append("\(target) → \(completion.model)")
            } catch {
                if let finding = notAllowed(exchange, UnusableTarget.denied(target: target).text) { return finding }
                return .fail("\(target): \(error)", Evidence(exchange, expected: "200 and a complete response"))
                    .withResponse(exchange)
            }
            last = exchange
        }
        let absent =
            missing.map { "; \($0) is not available" }.joined()
            + ["class:fast", "class:big"].filter(session.failedWakes.contains)
            .map { "; \(FailedWakes.note(on: $0))" }.joined()
        let finding = Finding.pass(answered.joined(separator: ", ") + absent)
        return last.map(finding.withResponse) ?? finding
    }

    private func allowed(_ exchange: Exchange, _ what: String) async throws -> Finding {
        guard exchange.isSuccess else {
            if let finding = notAllowed(exchange, "the provided token may not use \(what)") { return finding }
            let hint = session.isRefused(exchange, as: .denied) ? try await roleHint() : ""
            return .fail(
                "\(what) returned \(exchange.status)\(exchange.errorSummary)\(hint)",
                Evidence(exchange, expected: "2xx")
            ).withResponse(exchange)
        }
        return .pass("\(what) returned \(exchange.status)").withResponse(exchange)
    }

    /// A SKIP if the operator's only token is denied access, which another token might have.
    private func notAllowed(_ exchange: Exchange, _ reason: String) -> Finding? {
        guard session.tokens.hasSingleToken, session.isRefused(exchange, as: .denied) else { return nil }
        return .skip(reason).withResponse(exchange)
    }

    private func existing(_ persona: Persona) async throws -> Finding {
        let id = try await existingID()
        let exchange = try await chat(id, as: persona)
        if persona == .basic {
            guard session.isRefused(exchange, as: .denied) else {
                let hint =
                    exchange.isSuccess ? try await roleHint() : session.statusHint(exchange, for: .denied)
                return .fail(
                    "\(id) returned \(exchange.status)\(hint)",
                    Evidence(exchange, expected: session.expected(.denied))
                ).withResponse(exchange)
            }
            try await checkValidTokenStillWorks()
            return .pass("\(id) is refused with \(exchange.status)").withResponse(exchange)
        }
        do throws(ResponseProblem) {
            return .pass("\(id) → \(try Completion(exchange).model)").withResponse(exchange)
        } catch {
            let hint = session.isRefused(exchange, as: .denied) ? try await roleHint() : ""
            return .fail("\(id): \(error)\(hint)", Evidence(exchange, expected: "200 and a complete response"))
                .withResponse(exchange)
        }
    }

    private func unknown(_ persona: Persona) async throws -> Finding {
        let exchange = try await chat("no-such-model-\(session.nonce())", as: persona)
        let isUnknown = session.isRefused(exchange, as: .unknown)
        guard isUnknown || (persona == .basic && session.isRefused(exchange, as: .denied)) else {
            let hint =
                session.isRefused(exchange, as: .denied)
                ? try await roleHint() : session.statusHint(exchange, for: .unknown)
            return .fail(
                "an unknown id returned \(exchange.status)\(hint)",
                Evidence(
                    exchange,
                    expected: session.expected(.unknown)
                        + (persona == .basic ? ", or \(session.expected(.denied))" : ""))
            ).withResponse(exchange)
        }
        try await checkValidTokenStillWorks(as: persona)
        return .pass("an unknown id returned \(exchange.status)").withResponse(exchange)
    }

    private func adminSurface(_ persona: Persona) async throws -> Finding {
        let path = session.options.authentication.adminPath
        let admin = try await get(path, as: .admin)
        guard admin.status != 404 else { return .skip("the deployment has no \(path); set --admin-path") }
        if persona == .admin { return try await allowed(admin, path) }
        let exchange = try await get(path, as: persona)
        guard session.options.expectedStatuses.isAdminDenial(exchange) else {
            let hint =
                exchange.isSuccess ? try await roleHint() : session.statusHint(exchange, for: .denied)
            let evidence = Evidence(exchange, expected: session.options.expectedStatuses.wordsForAdminDenial)
            return .fail("\(path) returned \(exchange.status)\(hint)", evidence).withResponse(exchange)
        }
        try await checkValidTokenStillWorks(as: persona)
        return .pass("\(path) returned \(exchange.status), and \(admin.status) to an admin").withResponse(exchange)
    }

    private func roleHint() async throws -> String {
        session.tokens.hasRoles ? try await RoleHint(tokens: session.tokens).text() : ""
    }

    // MARK: All responses of this test

    private func challenge() async throws -> Finding {
        let refusals = try await responses { $0.status == 401 }
        guard !refusals.isEmpty else { return .skip("no request was refused with 401") }
        if let bare = refusals.first(where: { $0.header("www-authenticate")?.isEmpty ?? true }) {
            return .fail(
                "a 401 response lacks WWW-Authenticate", Evidence(bare, expected: "WWW-Authenticate: Bearer …"))
        }
        return .pass("\(refusals.count) responses, \(refusals[0].header("www-authenticate") ?? "")")
    }

    private func errorObjects() async throws -> Finding {
        let refusals = try await responses { $0.status >= 400 }
        guard !refusals.isEmpty else { return .skip("no request was refused") }
        for exchange in refusals {
            if let problem = exchange.errorObjectProblem {
                return .fail(
                    "\(exchange.request.path) with \(exchange.request.credential.name): \(problem)",
                    Evidence(exchange, expected: #"{"error":{"message","type","param","code"}}"#))
            }
        }
        return .pass("\(refusals.count) refusals, each with message, type, param and code")
    }

    private func noTokenEchoed() async throws -> Finding {
        let exchanges = try await responses { _ in true }
        for exchange in exchanges {
            let text = exchange.headers.map(\.value).joined(separator: "\n") + exchange.bodyText
            if session.redactor.findsSecret(in: text) {
                return .fail("a response contains the token", Evidence(exchange, expected: "no token in any response"))
            }
        }
        return .pass("no token in \(exchanges.count) responses")
    }

    /// The matching responses so far. If no other check has run (`--only`), sends requests without valid credentials first.
    private func responses(where fits: (Exchange) -> Bool) async throws -> [Exchange] {
        if await log.exchanges.isEmpty {
            for bad in [BadCredential.none, .garbage] {
                _ = try await send(.get("/v1/models", as: try await bad.credential(from: session.tokens)))
            }
        }
        return await log.exchanges.filter(fits)
    }
}
