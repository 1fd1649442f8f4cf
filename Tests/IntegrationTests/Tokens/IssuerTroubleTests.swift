import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Every failure of an issuer: calls with known keys continue unaffected.
    @Suite struct IssuerTroubleTests {
        struct Trouble: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let response: ScriptedIssuer.Response
            /// Whether a fetch ends within the time of a test.
            var ends = true
        }

        private static let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        private static let maxMemory = 64 << 20

        static let troubles = [
            Trouble(testDescription: "hangs up", response: .hangUp),
            Trouble(testDescription: "is silent", response: .silence, ends: false),
            Trouble(testDescription: "drips", response: .drip, ends: false),
            Trouble(
                testDescription: "sends 10 MB",
                response: .raw(
                    "\(head)Content-Length: 10485760\r\n\r\n{\"keys\":[\(String(repeating: " ", count: 10_485_751))")),
            Trouble(
                testDescription: "sends 10 MB of chunks",
                response: .raw(
                    "\(head)Transfer-Encoding: chunked\r\n\r\n"
                        + String(repeating: ScriptedEngine.chunk(String(repeating: " ", count: 65_536)), count: 160))),
            Trouble(
                testDescription: "answers HTML",
                response: .raw(ScriptedEngine.document("<!DOCTYPE html><title>Maintenance</title>"))),
            Trouble(testDescription: "has no keys", response: .keys([])),
            Trouble(testDescription: "has odd keys only", response: .keys([["kty": "oct", "k": "AAAA"], "nonsense"])),
            Trouble(testDescription: "fails", response: .raw(ScriptedEngine.document("{}", status: "500 Oh No"))),
            Trouble(
                testDescription: "breaks off",
                response: .cut("\(head)Content-Length: 5000\r\n\r\n{\"keys\":[")),
        ]

        @Test(arguments: troubles) func knownKeysStayInService(trouble: Trouble) async throws {
            try await Self.withTrouble(trouble)
        }

        /// A redirect to another host, which would have had keys.
        @Test func redirectsAreNotFollowed() async throws {
            let foreignKey = try SigningKey(generating: .es256)
            let other = try await ScriptedIssuer([foreignKey.publicKey.json])
            try await running([other.server]) {
                let location = "Location: \(other.url)\(ScriptedIssuer.keyPath)\r\n"
                for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
                    let response = ScriptedEngine.document("{}", status: status, fields: location)
                    try await Self.withTrouble(.init(testDescription: "redirects: \(status)", response: .raw(response)))
                }
            }
            #expect(other.state.value.paths.isEmpty)
        }

        private static func withTrouble(_ trouble: Trouble) async throws {
            let issuer = try await ScriptedIssuer([])
            let (known, new) = (try SigningKey(generating: .es256), try SigningKey(generating: .es256))
            issuer.publish([known.publicKey.json])
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            let failed = Watched<[String]>([])
            let growth = try await running([issuer.server, engine]) {
                try await RunningGateway.with(
                    [.at(engine.port)],
                    {
                        $0.auth.issuers = [.init(issuer: issuer.url, audience: .oneOf(["simpleai"]))]
                        $0.auth.issuers[0].refreshInterval = .seconds(3600)
                        $0.auth.issuers[0].refreshCooldown = .nanoseconds(1)
                    }
                ) { gateway in
                    _ = try await gateway.metrics { $0[Self.series("keys", issuer)] == 1 }
                    issuer.respond(trouble.response)
                    let memory = Fault.residentMemory
                    let waiting = try await gateway.connect()
                    try await Self.provoke(trouble, gateway, waiting, issuer, known)
                    try await Fault.forEach(0..<200, workers: 4) { number in
                        let response = try await gateway.send(
                            RunningGateway.chat(), token: Self.token(known, issuer))
                        if response.status != 200 { failed.update { $0.append("\(response.status) \(response.text)") } }
                    }
                    let growth = Fault.residentMemory.flatMap { now in memory.map { now - $0 } }
                    let page = try await gateway.metrics { _ in true }
                    #expect(page[Self.series("keys", issuer)] == 1)
                    #expect(page[Self.series("keys_age_seconds", issuer)] != nil)
                    if trouble.ends {
                        #expect(page[Self.series("key_fetch_failures_total", issuer)] ?? 0 >= Double(Self.provocations))
                        issuer.publish([known.publicKey.json, new.publicKey.json])
                        let response = try await gateway.send(RunningGateway.chat(), token: Self.token(new, issuer))
                        #expect(response.status == 200, "the issuer has recovered")
                    }
                    await waiting.close()
                    return growth
                }
            }
            #expect(failed.value.isEmpty, "\(failed.value.prefix(3))")
            if let growth { #expect(growth < Self.maxMemory, "\(Fault.mebibytes(growth)) more") }
            Fault.report(
                "an issuer that \(trouble.testDescription)".replacing(":", with: ""),
                "\(failed.value.count) failed of 200, \(growth.map(Fault.mebibytes) ?? "unknown") more memory")
        }

        private static let provocations = 20

        /// Sends tokens with unknown key ids, each of which may cause a fetch of the keys.
        private static func provoke(
            _ trouble: Trouble, _ gateway: RunningGateway, _ waiting: Wire, _ issuer: ScriptedIssuer, _ key: SigningKey
        ) async throws {
            let forge = try Forge(issuer: issuer.url)
            guard trouble.ends else {
                let before = issuer.state.value.fetches
                try await waiting.send(
                    gateway.request(RunningGateway.chat(), token: forge.token(key, header: ["kid": "unknown"])))
                _ = try await issuer.state.value { $0.fetches > before }
                return
            }
            for number in 0..<provocations {
                let token = try forge.token(key, header: ["kid": .string("unknown-\(number)")])
                let response = try await gateway.send(RunningGateway.chat(), token: token)
                #expect(response.status == 401)
            }
        }

        private static func series(_ name: String, _ issuer: ScriptedIssuer) -> String {
            "simpleai_issuer_\(name){issuer=\"\(issuer.url)\"}"
        }

        private static func token(_ key: SigningKey, _ issuer: ScriptedIssuer) throws -> String {
            try TokenMint(key: key, issuer: issuer.url, audience: "simpleai").token(
                user: "tester", roles: ["model:specific"])
        }
    }
}
