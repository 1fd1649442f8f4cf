extension DialectsTest {
    /// A request that the deployment must refuse, and with which status codes.
    private struct Refused {
        let name: String
        let request: APIRequest
        let expected: String
        let isExpected: (Exchange) -> Bool
        /// A word that the error must contain: the name of the field.
        var mentions: String?
    }

    func errors(_ endpoint: Endpoint) async throws -> Finding {
        let served = try await target(endpoint)
        var observations: [String] = []
        for refused in try await refusals(endpoint, served) {
            let exchange = try await session.send(refused.request)
            let evidence = Evidence(exchange, expected: "\(refused.expected) and \(endpoint.dialect.errorShape)")
            guard refused.isExpected(exchange) else {
                return .fail("\(refused.name): status \(exchange.status)\(exchange.dialectErrorSummary)", evidence)
            }
            if let problem = endpoint.dialect.errorProblem(exchange) {
                return .fail("\(refused.name): \(exchange.status), but \(problem)", evidence)
            }
            if let word = refused.mentions, !exchange.bodyText.contains(word) {
                return .fail("\(refused.name): \(exchange.status), but the error does not name `\(word)`", evidence)
            }
            observations.append("\(refused.name) \(exchange.status)")
        }
        return .pass(observations.joined(separator: ", "))
    }

    private func refusals(_ endpoint: Endpoint, _ served: Served) async throws -> [Refused] {
        var list: [Refused] = []
        let session = session
        if endpoint.modelKind != nil {
            let caller = try await session.tokens.credential(.specific)
            let unknown = try endpoint.request(model: "no-such-model-\(session.nonce())", as: caller, session: session)
            list.append(
                Refused(
                    name: "unknown model", request: unknown, expected: session.expected(.unknown),
                    isExpected: {
                        session.isRefused($0, as: .unknown)
                            || session.tokens.hasSingleToken && session.isRefused($0, as: .denied)
                    }))
            list.append(
                Refused(
                    name: endpoint == .transcriptions ? "no model" : "wrong type",
                    request: try endpoint.wronglyTypedRequest(as: served.credential, session: session),
                    expected: "400 (or 422)", isExpected: { $0.status == 400 || $0.status == 422 }, mentions: "model"))
        }
        if session.tokens.hasTokens {
            list.append(
                Refused(
                    name: "no credentials",
                    request: try endpoint.request(model: served.target, as: .none, session: session),
                    expected: session.expected(.unauthenticated),
                    isExpected: { session.isRefused($0, as: .unauthenticated) }))
        }
        var other = try endpoint.request(model: served.target, as: served.credential, session: session)
        other.method = endpoint.otherMethod
        other.body = endpoint.otherMethod == "POST" ? .init("{}".utf8) : nil
        other.curlBody = nil
        list.append(
            Refused(name: endpoint.otherMethod, request: other, expected: "405", isExpected: { $0.status == 405 }))
        return list
    }

    func rights(_ endpoint: Endpoint) async throws -> Finding {
        _ = try await reply(endpoint)
        guard session.tokens.hasTokens else { return .skip("the deployment has no authentication (--no-auth)") }
        guard session.tokens.hasRoles else {
            return .skip("needs tokens with and without model:specific: --token-binary")
        }
        let id = try await servedID(endpoint)
        let basic = try await session.tokens.credential(.basic)
        let exchange = try await session.send(endpoint.request(model: id, as: basic, session: session))
        let evidence = Evidence(exchange, expected: "\(session.expected(.denied)) and \(endpoint.dialect.errorShape)")
        guard session.isRefused(exchange, as: .denied) else {
            let hint =
                exchange.isSuccess
                ? try await RoleHint(tokens: session.tokens).text() : session.statusHint(exchange, for: .denied)
            return .fail("\(id) for a caller without model:specific: status \(exchange.status)\(hint)", evidence)
        }
        if let problem = endpoint.dialect.errorProblem(exchange) {
            return .fail("refused with \(exchange.status), but \(problem)", evidence)
        }
        let control = try await session.send(
            endpoint.request(
                model: id, as: try await session.tokens.credential(.specific), session: session))
        do throws(ResponseProblem) {
            _ = try endpoint.reply(control)
        } catch {
            return .fail(
                "positive control: \(id) for a caller with model:specific: \(error)",
                Evidence(control, expected: "200 and a complete response"))
        }
        return .pass("\(id) is refused with \(exchange.status), and served to a caller with model:specific")
    }

    func apiKey(_ endpoint: Endpoint) async throws -> Finding {
        let served = try await reply(endpoint).served
        guard session.tokens.hasTokens else { return .skip("the deployment has no authentication (--no-auth)") }
        guard let token = served.credential.authorization?.dropFirst("Bearer ".count) else {
            return .skip("the request carries no token")
        }
        let valid = Credential.apiKey(String(token), name: "\(served.credential.name) in x-api-key")
        let accepted = try await session.send(endpoint.request(model: served.target, as: valid, session: session))
        guard accepted.isSuccess else {
            let finding = Finding.fail(
                "the token in x-api-key got \(accepted.status)\(accepted.dialectErrorSummary)",
                Evidence(accepted, expected: "2xx, as with Authorization"))
            // Anthropic's clients send this field; those of other APIs send Authorization.
            return endpoint.dialect == .anthropic ? finding : finding.advisory()
        }
        let garbage = Credential.apiKey("garbage", name: "a garbage token in x-api-key", shellForm: "garbage")
        let refused = try await session.send(endpoint.request(model: served.target, as: garbage, session: session))
        let evidence = Evidence(refused, expected: session.expected(.unauthenticated))
        guard session.isRefused(refused, as: .unauthenticated) else {
            return .fail("a garbage token in x-api-key got \(refused.status)", evidence)
        }
        return .pass("a token got \(accepted.status), a garbage token \(refused.status)")
    }
}
