extension ModelRoutingTest {
    static let checks: [Check<ModelRoutingTest>] = [
        Check("model-routing.list.shape", "The model list is an OpenAI list: ids, each once, with object and owner.") {
            try await $0.listShape()
        },
        Check("model-routing.class.answered", "Every call for a class gets a complete response.") {
            try await $0.answered(classes: true)
        },
        Check(
            "model-routing.class.member", "A class is served by one of its members, and the response names it.",
            needs: "classes in the model list, or --class-map"
        ) { try await $0.classMembers() },
        Check(
            "model-routing.class.apart", "Classes that share no member are never served by each other's models.",
            needs: "two classes"
        ) { try await $0.classesApart() },
        Check("model-routing.exact.answered", "Every call for an exact id gets a complete response.") {
            try await $0.answered(classes: false)
        },
        Check("model-routing.exact.same", "An exact id is served by exactly that model.") { try await $0.exactSame() },
        Check("model-routing.stream.agrees", "The chunks of a stream name the model, as a non-streaming response does.")
        {
            try await $0.streamsAgree()
        },
        Check(
            "model-routing.header.agrees", "The header that names the serving model matches the response.",
            needs: "x-simpleai-model"
        ) { try await $0.headersAgree() },
        Check("model-routing.unknown.class", "An unknown class gets 404 with an error object, within 2 seconds.") {
            try await $0.unknown("class:no-such-", as: .basic)
        },
        Check(
            "model-routing.unknown.id",
            "An unknown id gets 404 model_not_found for callers with the right to exact ids."
        ) {
            try await $0.unknown("no-such-model-", as: .specific)
        },
        Check(
            "model-routing.permissions.class-allowed", "A caller without special roles may use classes.",
            needs: "--test-permissions"
        ) { try await $0.classAllowed() },
        Check(
            "model-routing.permissions.id-refused",
            "A caller without model:specific is refused an existing id with 403.",
            needs: "--test-permissions; a token binary"
        ) { try await $0.idRefused(stream: false) },
        Check(
            "model-routing.permissions.id-refused-stream",
            "The same id is refused for a streaming call by the status, not inside the stream.",
            needs: "--test-permissions; a token binary"
        ) { try await $0.idRefused(stream: true) },
        Check(
            "model-routing.permissions.id-allowed", "A caller with model:specific is served the same id.",
            needs: "--test-permissions; a token binary"
        ) { try await $0.idAllowed() },
    ]

    // MARK: The list

    private func listShape() async throws -> Finding {
        let list = try await list()
        let json = list.exchange.json
        func fail(_ what: String) -> Finding {
            .fail(
                what,
                Evidence(list.exchange, expected: #"{"object":"list","data":[{"id","object","created","owned_by"}]}"#))
        }
        guard json?["object"]?.string == "list" else { return fail("`object` is not \"list\"") }
        let data = json?["data"]?.array ?? []
        guard !data.isEmpty else { return fail("the list is empty") }
        guard list.entries.count == data.count else { return fail("an entry has no id") }
        guard Set(list.entries.map(\.id)).count == data.count else { return fail("an id is listed twice") }
        for entry in data {
            guard entry["object"]?.string == "model", entry["owned_by"]?.string != nil, entry["created"]?.number != nil
            else { return fail("\(entry["id"]?.string ?? "?") lacks object, created or owned_by") }
        }
        let classes = list.classNames.sorted().joined(separator: ", ")
        return .pass("models: \(list.models.count), classes: \(classes.isEmpty ? "none" : classes)")
    }

    // MARK: Routes

    /// The routes of one kind that are not skipped.
    ///
    /// - Throws: a SKIP if there are none.
    private func routes(classes: Bool) async throws -> [Route] {
        let routes = try await routes().filter { $0.isClass == classes }
        let usable = routes.filter { $0.skipped == nil }
        guard !usable.isEmpty else {
            throw Finding.skip(
                routes.first?.skipped
                    ?? (classes ? "no class was requested" : "no awake model was requested by its id"))
        }
        return usable
    }

    /// The routes of both kinds that are not skipped.
    ///
    /// - Throws: a SKIP if there are none.
    private func anyRoutes() async throws -> [Route] {
        let routes = try await routes()
        let usable = routes.filter { $0.skipped == nil }
        guard !usable.isEmpty else { throw Finding.skip(routes.first?.skipped ?? "no model was requested") }
        return usable
    }

    private func answered(classes: Bool) async throws -> Finding {
        let usable = try await routes(classes: classes)
        for route in usable {
            if let (problem, evidence) = route.failure {
                let failed = route.calls.count { if case .failure = $0.completion { true } else { false } }
                let state = try await list().state(of: route.target)
                let hint =
                    "\(problem)".hasPrefix("Request timed out") && state.isAsleep
                    ? "; the model list showed it as \(state.rawValue)" : ""
                return .fail(
                    "\(failed) of \(route.calls.count) calls for \(route.target) failed: \(problem)\(hint)", evidence)
            }
        }
        let skipped = try await self.routes().filter { $0.isClass == classes }.compactMap(\.skipped)
        let parts = usable.map { "\($0.target) ×\($0.calls.count)" } + skipped
        return .pass(parts.joined(separator: ", "))
    }

    private func classMembers() async throws -> Finding {
        let list = try await list()
        var summaries: [String] = []
        for route in try await routes(classes: true) {
            let membership = Membership(target: route.target, session: session, list: list)
            summaries.append(
                try membership.finding(
                    for: route.calls, answered: "model-routing.class.answered"
                ).summary)
        }
        return .pass(summaries.joined(separator: "; "))
    }

    private func classesApart() async throws -> Finding {
        let list = try await list()
        let routes = try await routes(classes: true)
        guard routes.count > 1 else { return .skip("only one class was requested") }
        var disjoint: [String] = []
        for (index, one) in routes.enumerated() {
            for other in routes[(index + 1)...] {
                let shared = members(one, list).intersection(members(other, list))
                guard shared.isEmpty else { continue }
                if members(one, list).isEmpty || members(other, list).isEmpty {
                    return .inconclusive(
                        "members of \(one.target) and \(other.target) unknown; set --class-map NAME=a,b")
                }
                let crossed = one.models.intersection(other.models)
                if let model = crossed.sorted().first {
                    return .fail(
                        "\(model) served both \(one.target) and \(other.target), which share no member",
                        evidence(model, other))
                }
                if let model = one.models.first(where: members(other, list).contains) {
                    return .fail("\(model) of \(other.target) served \(one.target)", evidence(model, one))
                }
                if let model = other.models.first(where: members(one, list).contains) {
                    return .fail("\(model) of \(one.target) served \(other.target)", evidence(model, other))
                }
                disjoint.append("\(one.target) and \(other.target)")
            }
        }
        return disjoint.isEmpty
            ? .skip("the classes share members")
            : .pass(
                "\(disjoint.joined(separator: "; ")): no call was served by a model of the other class")
    }

    private func members(_ route: Route, _ list: ModelList) -> Set<String> {
        ModelList.className(route.target).map { session.members(ofClass: $0, in: list) } ?? []
    }

    private func evidence(_ model: String, _ route: Route) -> Evidence? {
        for call in route.calls {
            if case .success(let completion) = call.completion, completion.model == model {
                return call.evidence(expected: "a model of \(route.target)")
            }
        }
        return nil
    }

    private func exactSame() async throws -> Finding {
        var summaries: [String] = []
        for route in try await routes(classes: false) {
            let membership = Membership(target: route.target, members: [route.target])
            _ = try membership.finding(for: route.calls, answered: "model-routing.exact.answered")
            summaries.append("\(route.target) → \(route.target) ×\(route.calls.count)")
        }
        return .pass(summaries.joined(separator: ", "))
    }

    private func streamsAgree() async throws -> Finding {
        var agreeing = 0
        for route in try await anyRoutes() {
            for call in route.calls where call.exchange?.request.wantsStream == true {
                guard case .success(let completion) = call.completion else { continue }
                // Other checks verify that the model is the right one.
                let plain = route.plainModels
                let known = route.isClass ? members(route, try await list()) : [route.target]
                let evidence = call.evidence(
                    expected: "one model in all chunks, the same as in non-streaming responses")
                guard completion.models.count == 1 else {
                    return .fail("chunks name \(completion.models.sorted().joined(separator: ", "))", evidence)
                }
                guard known.isEmpty || known.union(plain).contains(completion.model) else {
                    let others =
                        plain.isEmpty ? "" : ", non-streaming responses \(plain.sorted().joined(separator: ", "))"
                    return .fail("the chunks for \(route.target) name \(completion.model)\(others)", evidence)
                }
                agreeing += 1
            }
        }
        return agreeing > 0
            ? .pass("\(agreeing) streams, one model each")
            : .inconclusive("not decided: no stream got a response", following: "model-routing.class.answered")
    }

    private func headersAgree() async throws -> Finding {
        var agreeing = 0
        for route in try await anyRoutes() {
            for call in route.calls {
                guard let exchange = call.exchange, case .success(let completion) = call.completion,
                    let model = ServingRunner(exchange).model
                else { continue }
                guard model == completion.model else {
                    return .fail(
                        "the header has \(model), the response \(completion.model)",
                        Evidence(exchange, expected: "x-simpleai-model equal to the response's model"))
                }
                agreeing += 1
            }
        }
        return agreeing > 0
            ? .pass("x-simpleai-model matches the body in \(agreeing) responses")
            : .skip("the deployment does not expose x-simpleai-model")
    }

    // MARK: Unknown models and classes

    private func unknown(_ prefix: String, as persona: Persona) async throws -> Finding {
        let target = prefix + session.nonce()
        let exchange = try await session.chat(target, as: try await session.tokens.credential(persona))
        if session.tokens.hasSingleToken, session.isRefused(exchange, as: .denied) {
            return .skip("the provided token may not use \(persona == .specific ? "ids" : "classes")")
        }
        let status = exchange.status
        guard session.isRefused(exchange, as: .unknown) else {
            let evidence = Evidence(exchange, expected: "\(session.expected(.unknown)) with the code model_not_found")
            return .fail(
                "\(target) returned \(status)\(session.statusHint(exchange, for: .unknown))", evidence)
        }
        // A deployment with its own status code may also have its own error code.
        let isContractStatus = status == 404
        let evidence = Evidence(
            exchange,
            expected: session.expected(.unknown)
                + (isContractStatus ? " with the code model_not_found" : " with an error object, within 2 s"))
        if let problem = exchange.errorObjectProblem { return .fail("\(status), but \(problem)", evidence) }
        let code = exchange.json?["error"]?["code"]?.string ?? "null"
        guard code == "model_not_found" || !isContractStatus else {
            return .fail("\(status) with the code \(code)", evidence)
        }
        guard exchange.duration < .seconds(2) else {
            return .fail("\(status) only after \(exchange.duration.readable)", evidence)
        }
        return .pass("\(status) \(code) in \(exchange.duration.readable)")
    }

    // MARK: Permissions

    private func needsPermissionTest(roles: Bool) throws(Finding) {
        guard options.testsPermissions else { throw .skip(needsOption: "--test-permissions") }
        guard session.tokens.hasTokens else { throw .skip("the deployment has no authentication (--no-auth)") }
        guard !roles || session.tokens.hasRoles else {
            throw .skip("needs tokens with and without model:specific: --token-binary")
        }
    }

    private func classAllowed() async throws -> Finding {
        try needsPermissionTest(roles: false)
        return .pass(
            "\(try await positiveControl().target) accepted the \(try await session.tokens.credential(.basic).name)")
    }

    /// The positive control before and after refusals: a class that a basic caller can use.
    private func positiveControl() async throws -> (target: String, credential: Credential) {
        let credential = try await session.tokens.credential(.basic)
        let target = try await routes().first { $0.isClass && $0.skipped == nil }?.target ?? "class:fast"
        let result = try await session.outcome(of: session.chatRequest(target, as: credential))
        if case .failure(let problem) = result.completion {
            if session.tokens.hasSingleToken, let exchange = result.exchange, session.isRefused(exchange, as: .denied) {
                throw Finding.skip(UnusableTarget.denied(target: target).text)
            }
            throw Finding.fail(
                "positive control: \(target) failed for a basic caller: \(problem)",
                result.evidence(expected: "200 and a complete response"))
        }
        return (target, credential)
    }

    private func idRefused(stream: Bool) async throws -> Finding {
        try needsPermissionTest(roles: true)
        let proven = try await provenID()
        let basic = try await positiveControl().credential
        let exchange = try await session.chat(proven.id, as: basic, stream: stream)
        let evidence = Evidence(exchange, expected: "\(session.expected(.denied)) and an error object")
        guard session.isRefused(exchange, as: .denied) else {
            let hint =
                exchange.isSuccess
                ? try await RoleHint(tokens: session.tokens).text() : session.statusHint(exchange, for: .denied)
            return .fail("\(proven.id) (\(proven.proof)) returned \(exchange.status)\(hint)", evidence)
        }
        if let problem = exchange.errorObjectProblem { return .fail("refused, but \(problem)", evidence) }
        _ = try await positiveControl()
        return .pass("\(exchange.status) for \(proven.id), which exists: \(proven.proof)")
    }

    private func idAllowed() async throws -> Finding {
        try needsPermissionTest(roles: true)
        let proven = try await provenID()
        let specific = try await session.tokens.credential(.specific)
        for stream in [false, true] {
            let result = try await session.outcome(of: session.chatRequest(proven.id, as: specific, stream: stream))
            if case .failure(let problem) = result.completion {
                let isDenied = result.exchange.map { session.isRefused($0, as: .denied) } ?? false
                let hint = isDenied ? try await RoleHint(tokens: session.tokens).text() : ""
                return .fail(
                    "\(proven.id)\(stream ? " as a stream" : ""): \(problem)\(hint)",
                    result.evidence(expected: "200 and a complete response"))
            }
        }
        return .pass("\(proven.id), non-streaming and streaming")
    }
}
