import Foundation
import NIOSSL
import Settings
import SimpleAICore
import Testing

@testable import Gateway
@testable import LocalFleet
@testable import OutgoingTLS
@testable import StandIn

extension Integration {
    /// An issuer whose certificate authority is unknown to the system.
    @Suite struct IssuerAuthorityTests {
        private static func with(
            _ kind: StandInCertificate.Kind, isTrusted: Bool,
            _ body: @escaping @Sendable (RunningGateway, ScriptedIssuer, String) async throws -> Void
        ) async throws {
            let certificate = try StandInCertificate(kind)
            let key = try SigningKey(generating: .es256)
            let issuer = try await ScriptedIssuer([key.publicKey.json], tls: certificate.context)
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([issuer.server, engine]) {
                try await withTemporaryDirectory { directory in
                    let authority = directory + "/ca.pem"
                    try certificate.authority.write(toFile: authority, atomically: true, encoding: .utf8)
                    try await RunningGateway.with(
                        [.at(engine.port)],
                        {
                            $0.auth.issuers = [.init(issuer: issuer.url, audience: .oneOf(["simpleai"]))]
                            if isTrusted { $0.auth.issuers[0].caFile = authority }
                        }
                    ) { gateway in
                        let mint = TokenMint(key: key, issuer: issuer.url, audience: "simpleai")
                        try await body(gateway, issuer, try mint.token(user: "alice", roles: ["admin"]))
                    }
                }
            }
        }

        @Test func keysComeFromAnIssuerOfTheAuthorityThatSettingsName() async throws {
            try await Self.with(.ofAuthority, isTrusted: true) { gateway, issuer, token in
                _ = try await gateway.metrics { $0["simpleai_issuer_keys{issuer=\"\(issuer.url)\"}"] == 1 }
                #expect(try await gateway.send(RunningGateway.chat(), token: token).status == 200)
                #expect(issuer.state.value.paths == ["/.well-known/openid-configuration", ScriptedIssuer.keyPath])
            }
        }

        /// A server that impersonates the issuer receives no request, and its keys are not used.
        @Test(arguments: [
            (StandInCertificate.Kind.ofAuthority, false), (.selfSigned, true), (.expired, true), (.otherHost, true),
        ])
        func keysComeFromTheIssuerOnly(kind: StandInCertificate.Kind, isTrusted: Bool) async throws {
            try await Self.with(kind, isTrusted: isTrusted) { gateway, issuer, token in
                let failures = "simpleai_issuer_key_fetch_failures_total{issuer=\"\(issuer.url)\"}"
                _ = try await gateway.metrics { $0[failures] ?? 0 >= 1 }
                let response = try await gateway.send(RunningGateway.chat(), token: token)
                #expect(response.status == 503)
                #expect(try response.error().code == "keys_unavailable")
                #expect(issuer.state.value.paths.isEmpty)
            }
        }

        /// A file without certificates is reported before the first call.
        @Test func aFileWithoutCertificatesIsNamed() async throws {
            try await withTemporaryDirectory { directory in
                let path = directory + "/empty.pem"
                try "nothing".write(toFile: path, atomically: true, encoding: .utf8)
                var settings = Settings()
                settings.auth.issuers = [.init(issuer: "https://sso.example", audience: .oneOf(["x"]))]
                #expect(throws: Never.self) { try GatewayApplication.check(settings) }
                settings.auth.issuers[0].caFile = path
                #expect {
                    try GatewayApplication.check(settings)
                } throws: { error in
                    "\(error)".contains(path) && "\(error)".contains("https://sso.example")
                }
            }
        }

        /// The authority in the settings takes precedence over the one in the environment, and that over the
        /// system's.
        @Test func theNearestAuthorityCounts() throws {
            func roots(_ file: String, _ environment: String) -> NIOSSLTrustRoots? {
                OutgoingTLS.configuration(authoritiesFile: file, environmentFile: environment).trustRoots
            }
            for (file, environment, expected) in [
                ("a", "b", "a"), ("a", "", "a"), ("", "b", "b"), ("", "", nil),
            ] as [(String, String, String?)] {
                guard case .file(let path)? = roots(file, environment) else {
                    #expect(expected == nil)
                    continue
                }
                #expect(path == expected)
                #expect(OutgoingTLS.source(of: file, environmentFile: environment).contains(path))
            }
            #expect(OutgoingTLS.configuration(environmentFile: "b").certificateVerification == .fullVerification)
        }
    }
}
