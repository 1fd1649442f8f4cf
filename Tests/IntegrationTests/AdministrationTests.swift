import Logging
import Settings
import SimpleAICore
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane
@testable import Gateway
@testable import LocalFleet

extension Integration {
    /// The admin API is for administrators only, its responses are never cached, and every change is logged.
    @Suite struct AdministrationTests {
        private final class Log: Sendable {
            let lines = Mutex<[(message: String, metadata: [String: String])]>([])
        }

        /// Method and path of every route of this gateway under `/admin`, with something in the place of wildcards.
        private static func routes(of gateway: RunningGateway) -> [(method: String, path: String)] {
            Routes.table
                .map { ($0.method, $0.path.replacing("*", with: "x")) }
                .filter { $0.1.hasPrefix("/admin") && $0.0 != "HEAD" }
        }

        @Test func everyRouteNeedsAnAdmin() async throws {
            try await RunningGateway.with([]) { gateway in
                let routes = Self.routes(of: gateway)
                #expect(routes.count >= 4)
                let unknown = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"].flatMap { method in
                    ["/admin/", "/admin/api", "/admin/api/nothing", "//admin///api/keys", "/admin/api/keys/"].map {
                        (method: method, path: $0)
                    }
                }
                for (method, path) in routes + unknown {
                    for (token, status) in [
                        ("", 401), ("bad", 401), (try gateway.token([]), 403),
                        (try gateway.token(["model:specific", "Admin", "admin "]), 403),
                    ] {
                        let response = try await gateway.send("{}", method, path, token: token)
                        #expect(response.status == status, "\(method) \(path)")
                    }
                }
                for (method, path) in routes {
                    let response = try await gateway.send("{}", method, path, roles: ["admin"])
                    #expect(![401, 403, 405].contains(response.status), "\(method) \(path)")
                }
            }
        }

        /// Every request to the admin API, whatever its caller and its outcome.
        @Test func responsesAreNotCacheable() async throws {
            try await RunningGateway.with([]) { (gateway) async throws in
                for (method, path) in Self.routes(of: gateway) + [("GET", "/admin/api/nothing"), ("PUT", "/admin")] {
                    for roles in [[], ["admin"]] as [[Role]] {
                        let response = try await gateway.send("{}", method, path, roles: roles)
                        #expect(response["cache-control"] == "no-store", "\(method) \(path)")
                        #expect(response["x-content-type-options"] == "nosniff")
                        #expect(response["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'")
                        #expect(response["x-frame-options"] == "DENY")
                        #expect(response["referrer-policy"] == "no-referrer")
                        #expect(response["cross-origin-resource-policy"] == "same-origin")
                    }
                }
                for path in ["/health", "/v1/models", "/nothing", "/metrics"] {
                    let response = try await gateway.get(path)
                    #expect(response["x-content-type-options"] == "nosniff", "\(path)")
                    #expect(response["x-frame-options"] == nil)
                }
            }
        }

        @Test func everyChangeLeavesALine() async throws {
            let log = Log()
            let logger = Logger.observed { event in log.lines.withLock { $0.append((event.message, event.metadata)) } }
            try await RunningGateway.with([], logger: logger) { gateway in
                func lines(_ message: String) -> [[String: String]] {
                    log.lines.withLock { $0.filter { $0.message == message }.map(\.metadata) }
                }
                let created = try await gateway.send(#"{"name":"k"}"#, "POST", "/admin/api/keys", roles: ["admin"])
                let id = try #require(try created.json()["id"] as? String)
                _ = try await gateway.send("", "DELETE", "/admin/api/keys/\(id)", roles: ["admin"])
                #expect(
                    lines("Admin action")
                        == ["create_key", "revoke_key"].map {
                            ["caller": "tester", "issuer": RunningGateway.issuer, "action": $0, "object": id]
                        })
                #expect(lines("Admin request refused").isEmpty)

                // Failed changes, and attempts by callers without the role.
                for (method, path, roles, code) in [
                    ("DELETE", "/admin/api/keys/none", ["admin"], "not_found"),
                    ("POST", "/admin/api/keys", ["admin"], "invalid_request"),
                    ("POST", "/admin/api/nothing", ["admin"], "not_found"),
                    ("POST", "/admin/api/keys", [], "permission_denied"),
                    ("GET", "/admin", [], "permission_denied"),
                ] as [(String, String, [Role], String)] {
                    _ = try await gateway.send("{}", method, path, roles: roles)
                    var line = try #require(lines("Admin request refused").last)
                    // The roles held and expected, where roles are the reason.
                    let cause = line.removeValue(forKey: "cause")
                    #expect((cause?.contains("expected one of the roles \"admin\"") ?? false) == roles.isEmpty)
                    #expect(
                        line == [
                            "caller": "tester", "issuer": RunningGateway.issuer, "action": method, "object": path,
                            "code": code, "address": "127.0.0.1",
                        ])
                }
                #expect(lines("Admin request refused").count == 5)
                // Reads are not changes, and unauthenticated clients cannot fill the log.
                _ = try await gateway.get("/admin")
                _ = try await gateway.get("/admin/api/keys")
                _ = try await gateway.send("{}", "POST", "/admin/api/keys", token: "bad")
                #expect(lines("Admin request refused").count == 5 && lines("Admin action").count == 2)
                let everything = log.lines.withLock { "\($0)" }
                #expect(!everything.contains("sk-simpleai-"))
            }
        }
    }
}
