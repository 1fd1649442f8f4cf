import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Roles mapped to classes and models by `policies` in the settings: calls and model lists.
    @Suite struct PolicyTests {
        private static func change(_ settings: inout Settings) {
            settings.classes = [
                .init(name: "fast", models: ["m"]), .init(name: "big", models: ["m", "m:large"]),
            ]
            settings.policies = [
                AccessGrant(roles: ["student"], classes: ["fast"]),
                AccessGrant(roles: ["staff"], classes: ["b*"], models: ["m*"]),
            ]
        }

        @Test func callsAndListsFollowTheSameRules() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: { Self.change(&$0) }) { gateway, engine in
                var served = 0
                for (roles, allowed, list) in [
                    ([], [], []), (["student"], ["class:fast", ""], ["class:fast"]),
                    (["staff"], ["class:big", "m"], ["class:big", "m", "m:large"]),
                    (
                        ["student", "staff"], ["class:fast", "", "class:big", "m"],
                        ["class:fast", "class:big", "m", "m:large"]
                    ),
                    (["model:specific"], ["m"], ["m", "m:large"]),
                    (["admin"], ["class:fast", "", "class:big", "m"], ["class:fast", "class:big", "m", "m:large"]),
                ] as [([Role], Set<String>, [String])] {
                    for field in ["class:fast", "", "class:big", "m"] {
                        let response = try await gateway.send(RunningGateway.chat(field), roles: roles)
                        let isAllowed = allowed.contains(field)
                        #expect(response.status == (isAllowed ? 200 : 403), "\(roles) asks for \(field)")
                        if isAllowed { served += 1 } else { #expect(try response.error().code == "permission_denied") }
                    }
                    let models = try await gateway.get("/v1/models", roles: roles).json()
                    let ids = (models["data"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
                    #expect(ids == list, "\(roles)")
                    for id in ["class:fast", "class:big", "m", "m:large"] {
                        let status = try await gateway.get("/v1/models/\(id)", roles: roles).status
                        #expect(status == (list.contains(id) ? 200 : 404), "\(roles) looks at \(id)")
                    }
                }
                #expect(engine.counts.value.requests.count == served)
                // Not granted, whether it exists or not; and granted, but missing.
                for field in ["class:none", "none"] {
                    #expect(try await gateway.send(RunningGateway.chat(field), roles: ["student"]).status == 403)
                }
                for field in ["class:bare", "m:none"] {
                    #expect(try await gateway.send(RunningGateway.chat(field), roles: ["staff"]).status == 404)
                }
            }
        }
    }
}
