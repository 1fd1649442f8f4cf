import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Calls from web pages, as browsers make them.
    @Suite struct CORSTests {
        private static let page = "https://chat.example.com"
        private static let paths = [
            "/v1/chat/completions", "/v1/embeddings", "/v1/models", "/v1/models/m", "/v1/route",
        ]

        private static func allowed(_ settings: inout Settings) { settings.server.corsOrigins = [page] }

        private static func preflight(
            _ gateway: RunningGateway, _ path: String, origin: String = page, headers: String? = "authorization"
        ) async throws -> Response {
            var fields = ["Origin: \(origin)", "Access-Control-Request-Method: POST"]
            if let headers { fields.append("Access-Control-Request-Headers: \(headers)") }
            return try await gateway.send("", "OPTIONS", path, token: "", fields: fields)
        }

        private static func says(_ response: Response) -> [String] {
            response.fields.map { $0.name.lowercased() }.filter { $0.hasPrefix("access-control-") }
        }

        @Test func offUnlessSet() async throws {
            try await withEngine({ _, wire in
                let fields = "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: *\r\n"
                try await wire.send(ScriptedEngine.document(ScriptedEngine.completion(), fields: fields))
            }) { (gateway, _) async throws in
                for path in Self.paths {
                    let response = try await Self.preflight(gateway, path)
                    #expect(response.status == 405 && Self.says(response).isEmpty, "\(path)")
                    #expect(try response.error().code == "method_not_allowed")
                }
                // The engine's CORS fields apply to its own pages.
                let response = try await gateway.send(RunningGateway.chat(), fields: ["Origin: \(Self.page)"])
                #expect(response.status == 200 && Self.says(response).isEmpty && response["vary"] == nil)
            }
        }

        @Test func preflightNeedsNoCredentials() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: Self.allowed) {
                (gateway, engine) async throws in
                for path in Self.paths {
                    let response = try await Self.preflight(gateway, path, headers: "authorization,x-stainless-os")
                    #expect(response.status == 204 && response.body.isEmpty, "\(path)")
                    #expect(response["access-control-allow-origin"] == Self.page)
                    #expect(response["access-control-allow-headers"] == "authorization,x-stainless-os")
                    #expect(response["access-control-allow-credentials"] == nil)
                    #expect(response["vary"] == "Origin")
                }
                let methods = try await Self.preflight(gateway, "/v1/models")["access-control-allow-methods"]
                #expect(methods == "GET, HEAD")
                #expect(engine.counts.value.requests.isEmpty)
            }
        }

        @Test func originsAreExact() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: Self.allowed) { (gateway, _) async throws in
                for origin in [
                    "https://chat.example.com.evil.test", "https://evil.test", "http://chat.example.com", "null", "*",
                    "https://chat.example.com:8443", "https://CHAT.example.com", "https://chat.example.com/", "",
                    "https://chat.example.com https://evil.test",
                ] {
                    let response = try await Self.preflight(gateway, "/v1/chat/completions", origin: origin)
                    #expect(response.status == 405 && Self.says(response).isEmpty, "\(origin)")
                    let called = try await gateway.send(RunningGateway.chat(), fields: ["Origin: \(origin)"])
                    #expect(called.status == 200 && Self.says(called).isEmpty && called["vary"] == "Origin")
                }
            }
        }

        /// Programs with web views and browser extensions use schemes of their own.
        @Test func originsOfPrograms() async throws {
            let origins = ["app://obsidian.md", "chrome-extension://abc", "tauri://localhost", "capacitor://localhost"]
            try await withEngine(ScriptedEngine.wellBehaved, settings: { $0.server.corsOrigins = origins }) {
                (gateway, _) async throws in
                for origin in origins + ["app://other", "chrome-extension://abcd", "app:obsidian.md", "null"] {
                    let expected = origins.contains(origin) ? origin : nil
                    let asked = try await Self.preflight(gateway, "/v1//chat/completions/", origin: origin)
                    #expect(
                        asked["access-control-allow-origin"] == expected
                            && asked.status == (expected == nil ? 405 : 204))
                    let called = try await gateway.send(RunningGateway.chat(), fields: ["Origin: \(origin)"])
                    #expect(called.status == 200 && called["access-control-allow-origin"] == expected, "\(origin)")
                }
            }
        }

        @Test func responsesAndErrorsAreReadable() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: Self.allowed) { (gateway, _) async throws in
                let origin = ["Origin: \(Self.page)"]
                for response in [
                    try await gateway.send(RunningGateway.chat(), fields: origin),
                    try await gateway.send(RunningGateway.chat(stream: true), fields: origin),
                    try await gateway.send("{", fields: origin),
                    try await gateway.send(RunningGateway.chat(), token: "bad", fields: origin),
                    try await gateway.get("/v1/models", fields: origin),
                    try await gateway.get("/v1/models", token: "bad", fields: origin),
                    try await gateway.get("/v1/nothing", fields: origin),
                ] {
                    #expect(response.all("access-control-allow-origin") == [Self.page], "\(response.status)")
                    #expect(response["access-control-expose-headers"]?.contains("x-request-id") == true)
                }
            }
        }

        /// An origin that may call models may not use the admin API.
        @Test func theAdminSurfaceIsForNoOtherPage() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: Self.allowed) { (gateway, _) async throws in
                for path in ["/admin", "/admin/api/keys", "/metrics", "/health", "/v1", "//admin", "/admin/"] {
                    let response = try await Self.preflight(gateway, path)
                    #expect(response.status != 204 && Self.says(response).isEmpty, "\(path)")
                    #expect(Self.says(try await gateway.get(path, fields: ["Origin: \(Self.page)"])).isEmpty)
                }
            }
        }

        @Test(arguments: ["authorization\u{7F}", "a;b", String(repeating: "a", count: 3000)])
        func onlyListsOfNamesAreRepeated(headers: String) async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: Self.allowed) { (gateway, _) async throws in
                let response = try await Self.preflight(gateway, "/v1/models", headers: headers)
                #expect(response["access-control-allow-headers"] == nil)
            }
        }

        @Test func aReloadAllowsAndForbids() async throws {
            try await withEngine(ScriptedEngine.wellBehaved, settings: Self.allowed) { gateway, _ in
                try gateway.reload { $0.server.corsOrigins = ["http://localhost:3000"] }
                #expect(try await Self.preflight(gateway, "/v1/models").status == 405)
                let other = try await Self.preflight(gateway, "/v1/models", origin: "http://localhost:3000")
                #expect(other.status == 204)
            }
        }
    }
}
