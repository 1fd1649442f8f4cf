import Testing

@testable import Settings

/// The files that settings name, for backups and for the checks of an installation.
@Suite struct NamedFilesTests {
    @Test func `every file that settings name is listed with its key`() throws {
        let text = """
            server: { tls: { certificate: "CERTIFICATE", key_file: \(#filePath) } }
            auth:
              issuers:
                - { issuer: "https://a.example", audience: a, jwks_file: \(#filePath), tls: { ca_file: \(#filePath) } }
            runners:
              - { url: "http://10.0.0.5", api_key_file: \(#filePath) }
            fleet: { state_file: ./state.json }
            keys: { database: ./keys.db }
            """
        // Certificates are checked elsewhere; the tree is read as it is written.
        let report = SettingsReport()
        let tree = try SettingsDocument.tree(
            of: text, name: "s.yaml", environment: .init(variables: [:]), report: report)
        let loaded = LoadedSettings(settings: Settings(), warnings: [], path: "s.yaml", tree: tree)
        #expect(
            loaded.namedFiles.map(\.key) == [
                "server.tls.certificate", "server.tls.key_file", "auth.issuers[0].jwks_file",
                "auth.issuers[0].tls.ca_file", "runners[0].api_key_file",
            ])
        #expect(loaded.namedFiles.first?.path == "CERTIFICATE")
    }

    @Test func `texts of certificates and empty values are no files`() throws {
        let text = """
            server: { tls: { certificate: "-----BEGIN CERTIFICATE-----", key: "" } }
            """
        let tree = try SettingsDocument.tree(
            of: text, name: "s.yaml", environment: .init(variables: [:]), report: SettingsReport())
        #expect(LoadedSettings(settings: Settings(), warnings: [], path: "s.yaml", tree: tree).namedFiles.isEmpty)
    }

    @Test(
        arguments: [
            ("ws://gateway.lan:8080", "http://gateway.lan:8080", true),
            ("ws://127.0.0.1:8080", "http://127.0.0.1:8080", false),
            ("wss://ai.example/fleet", "https://ai.example", false), ("ws://[::1]:1", "http://[::1]:1", false),
            ("nothing", nil, false),
        ] as [(String, String?, Bool)])
    func `the gateway's address follows from its URL`(url: String, base: String?, isExposed: Bool) {
        var settings = RunnerSettings()
        settings.gateway = url
        #expect(settings.gatewayBaseURL == base)
        #expect(settings.sendsTokenInTheClear == isExposed)
    }
}
