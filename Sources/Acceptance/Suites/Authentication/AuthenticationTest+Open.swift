extension AuthenticationTest {
    /// With `--no-auth`, verifies that the deployment serves requests with any credentials; all other checks are skipped.
    static let openCheck = Check<AuthenticationTest>(
        "auth.open", "With --no-auth, requests with any credentials, or none, are served.",
        needs: "--no-auth"
    ) { try await $0.open() }

    private func open() async throws -> Finding {
        guard !session.tokens.hasTokens else { return .skip(needsOption: "--no-auth") }
        let model = try await existingID()
        var responses: [String] = []
        for bad in [BadCredential.none, .garbage] {
            let credential = try await bad.credential(from: session.tokens)
            let listed = try await send(.get("/v1/models", as: credential))
            guard listed.isSuccess else { return notOpen(listed) }
            let response = try await send(try session.chatRequest(model, as: credential))
            guard response.isSuccess else { return notOpen(response) }
            do throws(ResponseProblem) {
                _ = try Completion(response)
            } catch {
                return .fail("\(model): \(error)", Evidence(response, expected: "200 and a complete response"))
            }
            responses.append("\(credential.name) \(listed.status) and \(response.status)")
        }
        return .pass("list and \(model), with \(responses.joined(separator: "; with "))")
    }

    private func notOpen(_ exchange: Exchange) -> Finding {
        let request = exchange.request
        let isRefused = session.isRefused(exchange, as: .unauthenticated)
        return .fail(
            "\(request.method) \(request.path) with \(request.credential.name) got \(exchange.status)"
                + (isRefused ? ": the deployment requires authentication; remove --no-auth and provide a token" : ""),
            Evidence(exchange, expected: "2xx, because of --no-auth"))
    }
}

extension Check<AuthenticationTest> {
    /// The same check, with the verdict SKIP if the operator set `--no-auth`.
    var skippedWithoutAuthentication: Self {
        Check(id, requirement, level: level, needs: needs) { test in
            guard test.session.tokens.hasTokens else {
                return .skip("the deployment has no authentication (--no-auth)")
            }
            return try await body(test)
        }
    }
}
