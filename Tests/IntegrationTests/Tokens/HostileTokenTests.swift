import Settings
import Testing

@testable import LocalFleet

extension Integration {
    /// Hostile tokens against a running gateway. Around each of them a valid token passes, so that a gateway that
    /// refuses everything fails the test; and no engine receives the others.
    @Suite struct HostileTokenTests {
        @Test func nothingIsAccepted() async throws {
            let evil = try await ScriptedIssuer([])
            let issuer = try await ScriptedIssuer([])
            let forge = try Forge(issuer: issuer.url)
            let keys = try PublishedKeys(forge)
            issuer.publish(keys.document)
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            let tokens = try HostileToken.all(forge, keys: keys, evil: evil.url)
            #expect(tokens.count >= 60)
            #expect(Set(tokens.map(\.name)).count == tokens.count)

            let accepted = try await running([evil.server, issuer.server, engine]) {
                try await RunningGateway.with(
                    [.at(engine.port)],
                    {
                        $0.auth.issuers = [.init(issuer: issuer.url, audience: .oneOf(["simpleai"]))]
                        $0.auth.issuers[0].refreshInterval = .seconds(3600)
                        $0.auth.issuers[0].refreshCooldown = .seconds(3600)
                        $0.auth.failedAttemptsPerMinute = 0
                    }
                ) { gateway in
                    _ = try await gateway.metrics {
                        $0["simpleai_issuer_keys{issuer=\"\(issuer.url)\"}"] == Double(keys.usable)
                    }
                    return try await Self.tried(tokens, forge, gateway, engine)
                }
            }
            #expect(accepted.isEmpty, "\(accepted)")
            #expect(evil.state.value.paths.isEmpty, "an address in a token was visited")
            let fetches = issuer.state.value.fetches
            #expect((2...5).contains(fetches), "once at the start, and four times for all that is guessed: \(fetches)")
            Fault.report("hostile tokens", "\(accepted.count) accepted of \(tokens.count), \(fetches) fetches of keys")
        }

        /// The control for the keys that hostile tokens offer: a token of a known key is valid although it offers
        /// another, and the gateway fetches no address in it.
        @Test func offeredKeysChangeNothing() async throws {
            let evil = try await ScriptedIssuer([])
            let issuer = try await ScriptedIssuer([])
            let forge = try Forge(issuer: issuer.url)
            issuer.publish([forge.rsa.publicKey.json, forge.curve.publicKey.json])
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([evil.server, issuer.server, engine]) {
                try await RunningGateway.with(
                    [.at(engine.port)],
                    { $0.auth.issuers = [.init(issuer: issuer.url, audience: .oneOf(["simpleai"]))] }
                ) { gateway in
                    _ = try await gateway.metrics { $0["simpleai_issuer_keys{issuer=\"\(issuer.url)\"}"] == 2 }
                    let unknownKey = try SigningKey(generating: .es256)
                    for (name, value) in HostileToken.offeredKeys(unknownKey, evil: evil.url) {
                        for key in [forge.curve, forge.rsa] {
                            let token = try forge.token(key, header: [name: value])
                            for (method, path) in [
                                ("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/admin"),
                            ] {
                                let response = try await gateway.send(RunningGateway.chat(), method, path, token: token)
                                #expect(response.status == 200, "\(name) \(path): \(response.text)")
                            }
                        }
                    }
                }
            }
            #expect(evil.state.value.paths.isEmpty, "an address in a token was visited")
        }

        /// The names of the tokens that were not refused correctly.
        private static func tried(
            _ tokens: [HostileToken], _ forge: Forge, _ gateway: RunningGateway, _ engine: ScriptedEngine
        ) async throws -> [String] {
            var accepted: [String] = []
            var served = 0
            func expectGood(_ moment: String, _ name: String) async throws {
                // A new token each time: a cached one would prove nothing about the keys.
                let key = served % 2 == 0 ? forge.curve : forge.rsa
                let response = try await gateway.send(RunningGateway.chat(), token: forge.token(key))
                #expect(response.status == 200, "\(moment) \(name): \(response.status) \(response.text)")
                served += 1
            }
            for token in tokens {
                try await expectGood("before", token.name)
                let before = engine.counts.value.requests.count
                for (method, path) in [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/admin")] {
                    let response = try await gateway.send(RunningGateway.chat(), method, path, token: token.text)
                    let isRefusal = token.statuses.contains(response.status)
                    #expect(isRefusal, "\(token.name), \(path): \(response.status) \(response.text)")
                    if !isRefusal { accepted.append("\(token.name), \(path)") }
                    guard response.status == 401 else { continue }
                    #expect(try response.error().code == "invalid_api_key", "\(token.name)")
                    #expect(try response.error().message == token.message, "\(token.name)")
                }
                #expect(engine.counts.value.requests.count == before, "\(token.name) reached an engine")
                try await expectGood("after", token.name)
            }
            try await gateway.settled()
            return accepted
        }
    }
}
