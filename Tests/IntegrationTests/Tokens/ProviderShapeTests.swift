import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Tokens and key sets in the shapes of real providers, with all their additional members.
    @Suite struct ProviderShapeTests {
        private struct Right: Equatable {
            var exact: Int
            var admin: Int
        }

        /// The rights that a token grants: an exact model, and the admin API.
        private static func right(_ token: String, _ gateway: RunningGateway) async throws -> Right {
            let ofClass = try await gateway.send(RunningGateway.chat("class:fast"), token: token)
            #expect(ofClass.status == 200, "\(ofClass.text)")
            return Right(
                exact: try await gateway.send(RunningGateway.chat(), token: token).status,
                admin: try await gateway.get("/admin", token: token).status)
        }

        private static func with(
            keys: @escaping (SigningKey) -> [JSONText],
            _ change: @escaping @Sendable (inout Settings.Issuer) -> Void,
            _ body: @escaping @Sendable (RunningGateway, Forge) async throws -> Void
        ) async throws {
            let issuer = try await ScriptedIssuer([])
            let forge = try Forge(issuer: issuer.url)
            issuer.publish(keys(forge.rsa))
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([issuer.server, engine]) {
                try await RunningGateway.with(
                    [.at(engine.port)],
                    {
                        var settings = Settings.Issuer(issuer: issuer.url, audience: .oneOf(["simpleai"]))
                        change(&settings)
                        $0.auth.issuers = [settings]
                    }
                ) { gateway in
                    _ = try await gateway.metrics { $0["simpleai_issuer_keys{issuer=\"\(issuer.url)\"}"] == 1 }
                    try await body(gateway, forge)
                }
            }
        }

        // MARK: Keycloak

        /// Keycloak publishes an encryption key beside the signing key, both with certificates.
        private static func keycloakKeys(_ key: SigningKey) -> [JSONText] {
            guard case .object(let members) = key.publicKey.json else { return [] }
            let certificate: [(String, JSONText)] = [
                ("x5c", ["MIICmzCCAYMCBgGL"]), ("x5t", "Zm9v"), ("x5t#S256", "YmFy"),
            ]
            let encryption = members.map { name, value -> (String, JSONText) in
                switch name {
                case "use": (name, "enc")
                case "alg": (name, "RSA-OAEP")
                case "kid": (name, "for-encryption")
                default: (name, value)
                }
            }
            return [.object(encryption + certificate), .object(members + certificate)]
        }

        private static func keycloakClaims(realm: [JSONText], client: [JSONText]) -> [String: JSONText?] {
            [
                "roles": nil, "jti": "onrtac:0b2f", "typ": "Bearer", "azp": "open-webui", "sid": "5f1c", "acr": "1",
                "aud": ["simpleai", "account"], "scope": "openid email profile", "email_verified": .bool(true),
                "allowed-origins": ["https://chat.example.com"], "preferred_username": "alice",
                "realm_access": .object([
                    ("roles", .array(["default-roles-main", "offline_access", "uma_authorization"] + realm))
                ]),
                "resource_access": .object([
                    ("my.client", .object([("roles", .array(client))])),
                    ("account", .object([("roles", ["manage-account", "view-profile"])])),
                ]),
            ]
        }

        @Test func keycloak() async throws {
            try await Self.with(keys: Self.keycloakKeys) {
                $0.roleClaims = [.dotted("realm_access.roles"), .keys(["resource_access", "my.client", "roles"])]
                $0.authorizedParties = ["open-webui"]
            } _: { gateway, forge in
                for (realm, client, expected) in [
                    ([], [], Right(exact: 403, admin: 403)), (["model:specific"], [], Right(exact: 200, admin: 403)),
                    ([], ["model:specific"], Right(exact: 200, admin: 403)),
                    (["admin"], [], Right(exact: 200, admin: 200)), ([], ["admin"], Right(exact: 200, admin: 200)),
                    (["Admin"], ["administrator"], Right(exact: 403, admin: 403)),
                ] as [([JSONText], [JSONText], Right)] {
                    let claims = Self.keycloakClaims(realm: realm, client: client)
                    let token = try forge.token(forge.rsa, claims: claims)
                    #expect(try await Self.right(token, gateway) == expected, "\(realm) \(client)")
                }
                // The roles of another client of the realm, and tokens for another audience.
                var claims = Self.keycloakClaims(realm: [], client: [])
                claims["resource_access"] = .object([("other", .object([("roles", ["admin"])]))])
                let other = try forge.token(forge.rsa, claims: claims)
                #expect(try await Self.right(other, gateway) == Right(exact: 403, admin: 403))
                claims["azp"] = "another-application"
                let foreign = try forge.token(forge.rsa, claims: claims)
                #expect(try await gateway.get("/v1/models", token: foreign).status == 401)
            }
        }

        // MARK: Auth0

        /// The token type of RFC 9068, a role claim named by a URL, and permissions.
        @Test func auth0() async throws {
            try await Self.with(keys: { [$0.publicKey.json] }) {
                $0.roleClaims = [.dotted("https://example.com/roles"), .dotted("permissions")]
                $0.tokenType = "at+jwt"
                $0.scopes = ["infer"]
            } _: { gateway, forge in
                func token(_ type: String, _ claims: [String: JSONText?]) throws -> String {
                    let common: [String: JSONText?] = ["roles": nil, "scope": "openid infer", "azp": "a1b2"]
                    return try forge.token(
                        forge.rsa, header: ["typ": .string(type)], claims: common.merging(claims) { _, new in new })
                }
                let admin = try token("at+jwt", ["https://example.com/roles": ["admin"]])
                #expect(try await Self.right(admin, gateway) == Right(exact: 200, admin: 200))
                let permitted = try token("AT+JWT", ["permissions": ["model:specific"]])
                #expect(try await Self.right(permitted, gateway) == Right(exact: 200, admin: 403))
                for refused in [try token("JWT", [:]), try token("at+jwt", ["scope": "openid"])] {
                    #expect(try await gateway.get("/v1/models", token: refused).status == 401)
                }
            }
        }
    }
}
