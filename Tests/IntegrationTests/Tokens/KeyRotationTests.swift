import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// An issuer rotates its keys while calls run.
    @Suite struct KeyRotationTests {
        private static let calls = 800
        private static let rate = 200
        private static let workers = 8

        /// The key that signs a call's token: the old one alone, both alternately, the new one alone.
        private enum Stage {
            static let bothFrom = calls / 4
            static let newFrom = calls * 5 / 8

            static func isOld(_ call: Int) -> Bool { call < bothFrom || (call < newFrom && call % 2 == 0) }
            static let oldCalls = (0..<calls).count { isOld($0) }
        }

        private struct Progress: Sendable {
            var isNewPublished = false
            var oldAnswered = 0
            var failures: [String] = []
        }

        @Test func noCallFailsWhileKeysChange() async throws {
            let (old, new) = (try SigningKey(generating: .es256), try SigningKey(generating: .es256))
            let issuer = try await ScriptedIssuer([old.publicKey.json])
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            let progress = Watched(Progress())
            let took = try await running([issuer.server, engine]) {
                try await RunningGateway.with(
                    [.at(engine.port, slots: 64)],
                    {
                        $0.auth.issuers = [.init(issuer: issuer.url, audience: .oneOf(["simpleai"]))]
                        $0.auth.issuers[0].refreshInterval = .milliseconds(250)
                    }
                ) { gateway in
                    let keys = "simpleai_issuer_keys{issuer=\"\(issuer.url)\"}"
                    _ = try await gateway.metrics { $0[keys] == 1 }
                    let kept = try Self.token(old, issuer)
                    #expect(try await gateway.send(RunningGateway.chat(), token: kept).status == 200)

                    async let load = Self.load(gateway) { call in
                        let key = try Self.key(of: call, old: old, new: new, issuer, progress)
                        return (try Self.token(key, issuer), { Self.ended(call, $0, progress) })
                    }
                    // No call uses the old key any more. Its removal is the issuer's last publication.
                    _ = try await progress.value { $0.oldAnswered == Stage.oldCalls }
                    issuer.publishOnce([new.publicKey.json])
                    _ = try await gateway.metrics { $0[keys] == 1 }
                    // Whether a token of the old key was seen before, or not.
                    for token in [kept, try Self.token(old, issuer)] {
                        #expect(try await gateway.send(RunningGateway.chat(), token: token).status == 401)
                    }
                    return try await load
                }
            }
            let failures = progress.value.failures
            #expect(failures.isEmpty, "\(failures.prefix(3))")
            Fault.report(
                "keys change under load",
                "\(failures.count) failed of \(Self.calls) at \(Int(Double(Self.calls) / (took / .seconds(1)))) a second"
            )
        }

        private static func token(_ key: SigningKey, _ issuer: ScriptedIssuer) throws -> String {
            try TokenMint(key: key, issuer: issuer.url, audience: "simpleai").token(
                user: "tester", roles: ["model:specific"])
        }

        /// The issuer signs with a key as soon as it has published it.
        private static func key(
            of call: Int, old: SigningKey, new: SigningKey, _ issuer: ScriptedIssuer, _ progress: Watched<Progress>
        ) throws -> SigningKey {
            guard !Stage.isOld(call) else { return old }
            progress.update {
                if $0.isNewPublished { return }
                $0.isNewPublished = true
                issuer.publish([old.publicKey.json, new.publicKey.json])
            }
            return new
        }

        private static func ended(_ call: Int, _ response: Response, _ progress: Watched<Progress>) {
            progress.update {
                if response.status != 200 { $0.failures.append("\(call): \(response.status) \(response.text)") }
                if Stage.isOld(call) { $0.oldAnswered += 1 }
            }
        }

        /// Sends `count` calls at their rate, or as fast as this computer can, and returns how long they took.
        private static func load(
            _ gateway: RunningGateway,
            _ call: @escaping @Sendable (Int) async throws -> (token: String, ended: @Sendable (Response) -> Void)
        ) async throws -> Duration {
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<workers {
                    group.addTask {
                        let wire = try await gateway.connect()
                        for number in stride(from: worker, to: calls, by: workers) {
                            // The pace of the load; no assertion depends on it.
                            try await ContinuousClock().sleep(until: start + .seconds(number) / rate)
                            let (token, ended) = try await call(number)
                            try await wire.send(gateway.request(RunningGateway.chat(), token: token))
                            ended(try await wire.response())
                        }
                        await wire.close()
                    }
                }
                try await group.waitForAll()
            }
            return ContinuousClock.now - start
        }
    }
}
