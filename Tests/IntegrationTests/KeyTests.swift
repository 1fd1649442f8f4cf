import Foundation
import Gateway
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// API keys against a live gateway: created by an administrator, valid for calls, and limited to their roles and
    /// classes.
    @Suite struct KeyTests {
        private typealias Engine = ScriptedEngine

        private static func withKeys(_ body: @escaping @Sendable (RunningGateway, ScriptedEngine) async throws -> Void)
            async throws
        {
            try await withTemporaryDirectory { directory in
                try await withEngine(
                    Engine.wellBehaved,
                    settings: {
                        $0.keys.database = directory + "/keys.db"
                        $0.classes.append(Settings.ModelClass(name: "big", models: ["large"]))
                    }, body)
            }
        }

        private static func create(_ order: String, on gateway: RunningGateway) async throws -> (
            id: String, key: String
        ) {
            let response = try await gateway.send(order, "POST", "/admin/api/keys", roles: ["admin"])
            #expect(response.status == 201, "\(response.text)")
            let key = try response.json()
            return (try #require(key["id"] as? String), try #require(key["key"] as? String))
        }

        @Test func aKeyServesUntilItIsRevoked() async throws {
            try await Self.withKeys { gateway, engine in
                let (id, key) = try await Self.create(#"{"name":"home assistant"}"#, on: gateway)
                let (_, other) = try await Self.create(#"{"name":"other"}"#, on: gateway)
                #expect(try await gateway.send(RunningGateway.chat("class:fast"), token: key).status == 200)
                #expect(try await gateway.get("/v1/models", token: key).status == 200)

                let listed = try await gateway.get("/admin/api/keys")
                #expect(!listed.text.contains(key), "a key was shown twice")
                #expect(listed.text.contains("\"hint\":\"sk-simpleai-\(id)…\""))

                let revoked = try await gateway.send("", "DELETE", "/admin/api/keys/\(id)", roles: ["admin"])
                #expect(revoked.status == 200)
                let refused = try await gateway.send(RunningGateway.chat("class:fast"), token: key)
                #expect(refused.status == 401)
                #expect(try refused.error().code == "invalid_api_key")
                #expect(try refused.error().message.hasPrefix("The API key has been revoked."))
                // A caller without the secret learns nothing about the key.
                for unknown in [String(key.dropLast(4)) + "AAAA", "sk-simpleai-", "sk-simpleai-" + key] {
                    let response = try await gateway.get("/v1/models", token: unknown)
                    #expect(response.status == 401)
                    #expect(try response.error().message.hasPrefix("Unknown API key."))
                }
                #expect(try await gateway.send(RunningGateway.chat("class:fast"), token: other).status == 200)
                #expect(engine.counts.value.requests.count == 2)
            }
        }

        @Test func rolesThatNoSettingNamesAreWarnedOf() async throws {
            try await withTemporaryDirectory { directory in
                let database = directory + "/keys.db"
                try await withEngine(Engine.wellBehaved, settings: { $0.keys.database = database }) { gateway, _ in
                    for roles in [#"["stuff"]"#, #"["stuff","staff"]"#, #"["model:specific"]"#] {
                        _ = try await Self.create(#"{"name":"k","roles":\#(roles)}"#, on: gateway)
                    }
                    var settings = Settings()
                    settings.auth.issuers = [.init(issuer: "https://a", audience: .any)]
                    settings.keys.database = database
                    settings.fleet.stateFile = directory + "/none.json"
                    settings.policies = [AccessGrant(roles: ["staff"], classes: ["*"])]
                    let found = GatewayApplication.warnings(settings).map(\.description).filter {
                        $0.contains("API key")
                    }
                    #expect(found.count == 1, "\(found)")
                    #expect(found.first?.hasPrefix("keys.database: the API key sk-simpleai-") == true, "\(found)")
                    #expect(
                        found.first?.hasSuffix(
                            " and 1 more have the role \"stuff\", which no policy and no setting lists; did you mean staff?"
                        )
                            == true, "\(found)")
                    settings.policies.append(AccessGrant(roles: ["stuff"], classes: ["*"]))
                    #expect(!GatewayApplication.warnings(settings).contains { $0.description.contains("API key") })
                    settings.keys.database = directory + "/missing.db"
                    _ = GatewayApplication.warnings(settings)
                    #expect(!FileManager.default.fileExists(atPath: settings.keys.database))
                }
            }
        }

        @Test func aKeyHasOnlyItsRights() async throws {
            try await Self.withKeys { gateway, _ in
                let (_, basic) = try await Self.create(#"{"name":"basic","classes":["fast"]}"#, on: gateway)
                let (_, specific) = try await Self.create(
                    #"{"name":"s","roles":["model:specific"],"classes":["fast"]}"#, on: gateway)
                for (key, model, status) in [
                    (basic, "class:fast", 200), (basic, "class:big", 403), (basic, "m", 403),
                    (basic, "class:none", 403),
                    (specific, "m", 200), (specific, "large", 403), (specific, "class:big", 403),
                ] {
                    let response = try await gateway.send(RunningGateway.chat(model), token: key)
                    #expect(response.status == status, "\(model)")
                }
                let list = try await gateway.get("/v1/models", token: basic).text
                #expect(list.contains("class:fast") && !list.contains("class:big") && !list.contains("large"))
                for key in [basic, specific] {
                    #expect(try await gateway.get("/admin", token: key).status == 403)
                    #expect(try await gateway.get("/admin/api/keys", token: key).status == 403)
                }
            }
        }

        @Test(arguments: [
            ("{", "invalid_json"), ("[]", "invalid_request"), ("{}", "invalid_request"),
            (#"{"name":""}"#, "invalid_request"), (#"{"name":7}"#, "invalid_request"),
            (#"{"name":"x","roles":["admin"]}"#, "invalid_request"), (#"{"name":"x","roles":"a"}"#, "invalid_request"),
            (#"{"name":"x","classes":["nowhere"]}"#, "invalid_request"),
            (#"{"name":"x","expires_in_seconds":0}"#, "invalid_request"),
            (#"{"name":"x","expires":5}"#, "invalid_request"),
            (#"{"name":"x","roles":[],"roles":["model:specific"]}"#, "invalid_request"),
            (#"{"name":"x","Roles":["model:specific"]}"#, "invalid_request"),
        ])
        func invalidCommandsAreRefused(order: String, code: String) async throws {
            try await Self.withKeys { gateway, _ in
                let response = try await gateway.send(order, "POST", "/admin/api/keys", roles: ["admin"])
                #expect(response.status == 400)
                #expect(try response.error().code == code)
                #expect(try await gateway.get("/admin/api/keys").text == #"{"object":"list","data":[]}"#)
            }
        }

        @Test func onlyAdminsAdminister() async throws {
            try await Self.withKeys { (gateway, _) async throws in
                for (method, path) in [
                    ("GET", "/admin/api/keys"), ("POST", "/admin/api/keys"), ("DELETE", "/admin/api/keys/x"),
                ] {
                    let body = #"{"name":"x"}"#
                    #expect(try await gateway.send(body, method, path, token: "").status == 401)
                    #expect(try await gateway.send(body, method, path, roles: ["model:specific"]).status == 403)
                }
                #expect(try await gateway.send("", "DELETE", "/admin/api/keys/x", roles: ["admin"]).status == 404)
                #expect(
                    try await gateway.send("", "PUT", "/admin/api/keys", roles: ["admin"])["allow"] == "GET, HEAD, POST"
                )
            }
        }

        @Test func whereKeysAreTurnedOffTheyAreOnlyBadCredentials() async throws {
            try await withEngine(Engine.wellBehaved, settings: { $0.keys.database = "" }) { (gateway, _) async throws in
                let key = "sk-simpleai-" + String(repeating: "a", count: 51)
                #expect(try await gateway.send(RunningGateway.chat("class:fast"), token: key).status == 401)
                #expect(try await gateway.get("/admin/api/keys").status == 404)
            }
        }
    }
}
