import Foundation
import SimpleAICore
import Testing

@testable import ControlPlane

@Suite struct RoutesTests {
    @Test(arguments: [
        ("/v1/chat/completions", ["POST"]), ("/v1/route", ["POST"]), ("/v1/models", ["GET", "HEAD"]),
        ("/v1/models/llama3:8b", ["GET", "HEAD"]), ("/v1/models/org/model", ["GET", "HEAD"]),
        ("/admin/api/keys", ["GET", "HEAD", "POST"]), ("/admin/api/keys/k1", ["DELETE"]),
        ("/admin/api/machines/gpu/wake", ["POST"]), ("/admin/api/machines/a/b/sleep", ["POST"]),
        ("/", ["GET", "HEAD"]), ("/api/tags", ["GET", "HEAD"]), ("/api/show", ["POST"]), ("/api/delete", ["DELETE"]),
        ("/api/blobs/sha256:0", ["POST"]), ("/openai/deployments/m/chat/completions", ["POST"]),
        ("/ws/runners", ["GET", "HEAD"]), ("/health", ["GET", "HEAD"]), ("/metrics", ["GET", "HEAD"]),
    ])
    func aKnownPathHasItsMethods(_ path: String, _ methods: [String]) {
        #expect(Routes.methods(of: path) == methods)
    }

    @Test(arguments: [
        "", "//", "/v1", "/api", "/api/tags/", "/api/blobs/", "/api/nothing", "/v1/models/", "/v1/nothing",
        "/v1/chat/completions/x", "/admin/api/keys/",
        "/admin/api/keys/a/b",
        "/admin/api/machines/gpu", "/admin/api/machines/gpu/restart", "/admin/api/machines//wake", "/Health",
        "/health/",
        "/v1/mode\u{212A}s",
    ])
    func anUnknownPathHasNone(_ path: String) {
        #expect(Routes.methods(of: path) == nil)
    }

    @Test func everyEndpointIsARoute() {
        for endpoint in Endpoint.allCases { #expect(Routes.methods(of: endpoint.path) == ["POST"]) }
    }

    /// With SIMPLEAI_UPDATE_DOCS=1 the document is rewritten instead.
    @Test func theReferenceListsEveryRoute() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/reference/http-api.md")
        let expected = """
            # HTTP API: paths

            Every URL of the gateway, from the table in `ControlPlane/Routes.swift`. [requests.md](../guides/requests.md) describes
            requests and errors.

            \(Routes.documentation)
            """
        if ProcessInfo.processInfo.environment["SIMPLEAI_UPDATE_DOCS"] == "1" {
            try expected.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == expected)
    }
}
